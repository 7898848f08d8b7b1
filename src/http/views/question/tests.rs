//! Tests the page of a question in each combination of its parts.
mod details;

use super::*;

const HOSTILE: &str = "<script>alert(1)</script>";
const BADGE: &str = r#"<span class="badge caution">unverified</span>"#;

fn line(scope: &str, words: &str, is_new: bool) -> ScopeLine {
    ScopeLine { scope: scope.into(), words: words.into(), is_new }
}

fn notes(lines: Vec<ScopeLine>) -> Server {
    Server { name: "Notes".into(), url: "https://notes.example/mcp".into(), lines }
}

fn question() -> Question {
    Question {
        about: "request".into(),
        app: AppCard {
            name: "My Agent".into(),
            id: "abc".into(),
            standing: Verification::Unverified,
            homepage: None,
            logo: None,
            cautions: vec![],
            metadata: "digest".into(),
        },
        origin: Origin::Redirect {
            kind: RedirectKind::Loopback,
            label: "127.0.0.1:4711".into(),
            uri: "http://127.0.0.1:4711/cb".into(),
        },
        servers: vec![notes(vec![
            line("mcp:read", "Read your notes", false),
            line("mcp:write", "Change your notes", true),
        ])],
        identity: vec![],
        withheld: vec![],
        lifetime: "Up to 1 hour.".into(),
        username: "alice".into(),
        user_id: "1".into(),
        history: History::default(),
    }
}

fn on_the_web() -> Question {
    let (label, uri) = ("app.example".to_owned(), "https://app.example/cb".to_owned());
    let mut question = question();
    question.app.standing = Verification::ReturnsTo(label.clone());
    question.origin = Origin::Redirect { kind: RedirectKind::Https, label, uri };
    question
}

fn of_device() -> Question {
    let device = Device {
        user_code: "BCDF-GHJK".into(),
        address: "192.0.2.1".into(),
        place: Proximity::Other,
        asked_at: "1 May 2030, 10:00 UTC".into(),
        minutes_ago: 1,
    };
    Question { origin: Origin::Device(device), ..question() }
}

fn html(question: &Question) -> String {
    let request = if matches!(question.origin, Origin::Device(_)) { "" } else { "response_type=code&client_id=abc" };
    QuestionPage { form_token: "form", sign_out_token: "out", request, question, again: &[] }.render().unwrap()
}

/// Text of the only element of this kind, on one line.
#[track_caller]
fn words(html: &str, element: &str) -> String {
    let page = scraper::Html::parse_document(html);
    let all: Vec<_> = page.select(&scraper::Selector::parse(element).unwrap()).collect();
    assert_eq!(all.len(), 1, "{element} in {html}");
    all[0].text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All pages, with this text in every place where untrusted text appears.
fn every_page(text: &str) -> Vec<String> {
    let text = || text.to_owned();
    let standings = [
        Verification::Verified,
        Verification::VouchedBy(text()),
        Verification::DescribedBy(text()),
        Verification::ReturnsTo(text()),
        Verification::Unverified,
    ];
    let kinds = [Some(RedirectKind::Https), Some(RedirectKind::Loopback), Some(RedirectKind::App), None];
    let mut pages = vec![];
    for (standing, kind) in standings.iter().flat_map(|standing| kinds.map(|kind| (standing.clone(), kind))) {
        for step in [Step::First, Step::More, Step::Same] {
            let lines = || vec![line(&text(), &text(), true), line(&text(), &text(), false)];
            let server = || Server { name: text(), url: text(), lines: lines() };
            let mut question = if kind.is_none() { of_device() } else { question() };
            match &mut question.origin {
                Origin::Redirect { kind: now, label, uri } => {
                    (*now, *label, *uri) = (kind.unwrap_or(RedirectKind::App), text(), text());
                }
                Origin::Device(device) => (device.user_code, device.address) = (text(), text()),
            }
            let app = AppCard {
                name: text(),
                id: text(),
                standing: standing.clone(),
                homepage: Some(text()),
                logo: Some(text()),
                cautions: vec![text()],
                metadata: text(),
            };
            let (servers, identity, withheld) = (vec![server(), server()], lines(), lines());
            let history = History {
                step,
                changes: vec![text()],
                note: Some(text()),
                kept: vec![server()],
                kept_identity: lines(),
            };
            let (lifetime, username) = (text(), text());
            let question = Question { app, servers, identity, withheld, lifetime, username, history, ..question };
            let (token, again) = (text(), [text()]);
            let page = QuestionPage {
                form_token: &token,
                sign_out_token: &token,
                request: &token,
                question: &question,
                again: &again,
            };
            pages.push(page.render().unwrap());
        }
    }
    pages
}

#[test]
fn each_page_has_one_title_and_heading_and_needs_nothing_the_policy_forbids() {
    for page in every_page("calm") {
        for once in ["<title>", "<h1>", "<main "] {
            assert_eq!(page.matches(once).count(), 1, "{once} in {page}");
        }
        for forbidden in ["<script", "<style", " style=", "javascript:", "http-equiv"] {
            assert!(!page.contains(forbidden), "{forbidden} in {page}");
        }
    }
}

#[test]
fn no_page_lets_text_become_markup() {
    for page in every_page(HOSTILE) {
        assert!(!page.contains("<script") && page.contains("&#60;script&#62;alert(1)"), "{page}");
    }
    for page in every_page("\" autofocus onfocus=\"alert(1)") {
        assert!(!page.contains("onfocus=\""), "{page}");
    }
}

/// A question for each kind of redirect URI, and one for a device.
fn origins() -> Vec<Question> {
    let mut app = question();
    let (label, uri) = ("cursor:".to_owned(), "cursor://oauth/callback".to_owned());
    app.origin = Origin::Redirect { kind: RedirectKind::App, label, uri };
    vec![on_the_web(), question(), app, of_device()]
}

/// Every combination of step, kind of redirect, kind of verification, changes, and number of servers, with and without
/// claims about the user.
fn combinations() -> Vec<Question> {
    let standings = [Verification::Verified, Verification::DescribedBy("app.example".into()), Verification::Unverified];
    let mut all = vec![];
    for (step, changed, standing, (servers, identity)) in [Step::First, Step::More, Step::Same]
        .into_iter()
        .flat_map(|step| [false, true].map(|changed| (step, changed)))
        .flat_map(|(step, changed)| standings.clone().map(|standing| (step, changed, standing)))
        .flat_map(|(step, changed, standing)| {
            [(1, false), (1, true), (2, false), (3, true), (0, true)]
                .map(|asked| (step, changed, standing.clone(), asked))
        })
    {
        for mut question in origins() {
            // Devices and changed clients have no earlier consents.
            if step != Step::First && (changed || question.is_of_device()) {
                continue;
            }
            let numbered =
                |number| Server { name: format!("Server {number}"), ..notes(vec![line("x:read", "Read x", true)]) };
            question.servers = (0..servers).map(numbered).collect();
            question.identity = if identity { vec![line("openid", "Know that it is you", true)] } else { vec![] };
            question.history.step = step;
            question.history.changes = if changed { vec!["It called itself “App”.".into()] } else { vec![] };
            question.app.standing = standing.clone();
            all.push(question);
        }
    }
    all
}

#[test]
fn titles_headings_sections_warnings_and_buttons_agree_in_every_combination() {
    let all = combinations();
    assert!(all.len() > 200, "{}", all.len());
    for question in all {
        let (page, servers, step) = (html(&question), question.servers.len(), question.history.step);
        let names = ["", "Server 0", "Server 0 and Server 1", "Server 0 and 2 other servers"][servers];
        let name = if question.app.is_verified() { "My Agent" } else { "“My Agent”" };
        let on = if question.is_of_device() { " on a device" } else { "" };
        let (title, heading) = match (step, servers) {
            _ if question.is_of_device() && servers == 0 => {
                ("Connect My Agent?", format!("{name}{on} asks who you are"))
            }
            _ if question.is_of_device() => ("Connect My Agent?", format!("{name}{on} wants to use {names}")),
            (Step::First, 0) => ("Allow My Agent?", format!("{name} asks who you are")),
            (Step::First, _) => ("Allow My Agent?", format!("{name} wants to use {names}")),
            (Step::More, 0) => ("Allow more to My Agent?", format!("{name} asks for more about you")),
            (Step::More, _) => ("Allow more to My Agent?", format!("{name} asks for more on {names}")),
            (Step::Same, _) => ("Connect My Agent again?", format!("{name} wants to connect again")),
        };
        assert_eq!(words(&page, "title"), format!("{title} · Keyward"));
        assert_eq!(words(&page, "h1"), heading);
        let section = match (step, servers) {
            (Step::More, _) => "New",
            (_, 0) => "What it would learn",
            _ => "What it could do in your name",
        };
        assert_eq!(words(&page, "#asked"), section);
        assert_eq!(page.contains("id=\"kept\""), step == Step::More);
        assert_eq!(words(&page, "button[value=allow]"), if step == Step::Same { "Connect" } else { "Allow" });
        assert_eq!(words(&page, "button[value=deny]"), "Deny");
        assert_eq!(page.matches("Read x").count(), servers);
        assert_eq!(page.matches("Know that it is you").count(), question.identity.len());
        assert_eq!(page.contains("About you"), !question.identity.is_empty() && servers > 0);
        // At most one box warns, and only if something deserves attention.
        let noticed = !question.is_on_the_web() || !question.history.changes.is_empty();
        assert_eq!(page.matches("class=\"notice").count(), usize::from(noticed), "{page}");
        assert_eq!(page.contains("It changed since you last allowed it"), !question.history.changes.is_empty());
        let here = matches!(question.origin, Origin::Redirect { kind: RedirectKind::Loopback | RedirectKind::App, .. });
        assert_eq!(page.contains("Continue only if you just started it on this"), here);
        let order = ["<h1>", "id=\"asked\"", "Who asks", "For how long", "Client ID", "value=\"deny\""];
        let places = order.map(|one| page.find(one).unwrap());
        assert!(places.is_sorted(), "{order:?} stand at {places:?}");
    }
}
