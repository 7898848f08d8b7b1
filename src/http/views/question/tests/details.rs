//! Tests names, places, logos and new scopes on the page of a question.
use super::*;

#[test]
fn what_imitates_in_a_name_is_marked_wherever_it_stands_and_said_to_be_no_check_of_ours() {
    let mut question = on_the_web();
    for (name, marked, told) in [
        ("Agent ✓", "Agent <mark>✓</mark>", "They are no check of ours."),
        ("Cl\u{430}ude", "Cl<mark>\u{430}</mark>ude", "of another alphabet"),
    ] {
        question.app.name = name.into();
        question.app.standing = Verification::Unverified;
        let page = html(&question);
        assert_eq!(page.matches(&format!("<bdi>{marked}</bdi>")).count(), 2, "{page}");
        assert!(page.contains(told), "{page}");
        question.app.standing = Verification::Verified;
        let page = html(&question);
        assert!(!page.contains("<mark>") && !page.contains(told), "{page}");
    }
}

#[test]
fn a_step_up_tells_what_is_new_from_all_that_stays() {
    let mut question = on_the_web();
    question.history.step = Step::More;
    question.history.kept =
        vec![notes(vec![line("mcp:read", "Read your notes", true), line("mcp:share", "Share your notes", true)])];
    let page = html(&question);
    let (added, kept) = page.split_once("Already allowed, and stays so").unwrap();
    assert!(added.contains("mcp:write") && !added.contains("mcp:read"), "{added}");
    assert!(kept.contains("mcp:read") && kept.contains("mcp:share") && !kept.contains("mcp:write"), "{kept}");
}

#[test]
fn the_same_word_of_two_servers_is_explained_by_each() {
    let server = |name: &str, words: &str| Server {
        name: name.into(),
        url: format!("https://{name}.example/mcp"),
        lines: vec![line("read", words, true)],
    };
    for question in [question(), of_device()] {
        let servers = vec![server("weather", "Read forecasts"), server("bank", "Read your balance")];
        let page = html(&Question { servers, ..question });
        let (first, second) = page.split_once("https://bank.example/mcp").unwrap();
        assert!(first.contains("https://weather.example/mcp") && first.contains("Read forecasts"));
        assert!(second.contains("Read your balance") && !second.contains("Read forecasts"));
    }
}

#[test]
fn a_client_is_called_unverified_exactly_when_nothing_is_certain() {
    for (standing, badge) in [
        (Verification::Verified, ">verified</span>"),
        (Verification::VouchedBy("Acme".into()), "verified by <bdi>Acme</bdi>"),
        (Verification::DescribedBy("app.example".into()), "described by <bdi>app.example</bdi>"),
        (Verification::ReturnsTo("app.example".into()), "returns to <bdi>app.example</bdi>"),
        (Verification::Unverified, BADGE),
    ] {
        for mut question in [question(), on_the_web(), of_device()] {
            question.app.standing = standing.clone();
            let page = html(&question);
            assert!(page.contains(badge), "{badge} in {page}");
            assert_eq!(page.contains(BADGE), standing == Verification::Unverified);
            assert_eq!(page.contains("“<bdi>My Agent</bdi>”"), standing != Verification::Verified);
        }
    }
}

#[test]
fn what_returns_to_this_computer_comes_with_one_warning_and_what_goes_to_the_web_with_none() {
    let claims = "Any program on this computer can claim to be it.";
    let mut here = question();
    assert!(html(&here).contains("Unverified. Any program can use this name."));
    for standing in [Verification::Verified, Verification::DescribedBy("app.example".into())] {
        here.app.standing = standing;
        let page = html(&here);
        assert!(page.contains(claims), "{page}");
        assert!(page.contains("Continue only if you just started it on this computer."));
    }
    let note = "You allowed an app under this name before; any program here can claim to be it.";
    here.history = History { note: Some(note.into()), ..History::default() };
    let page = html(&here);
    assert!(page.contains(note) && !page.contains(claims), "{page}");
    let page = html(&on_the_web());
    assert!(!page.contains("on this computer") && !page.contains("class=\"notice"), "{page}");
}

#[test]
fn a_long_name_leaves_room_in_the_heading_and_is_told_in_full_below() {
    let name = "Long ".repeat(19) + "name";
    let mut question = on_the_web();
    question.app.name.clone_from(&name);
    let page = html(&question);
    assert!(words(&page, "h1").chars().count() < 65 && words(&page, "h1").contains('…'));
    assert!(page.contains(&format!("<bdi>{name}</bdi>")));
}

#[test]
fn a_logo_comes_from_here_with_words_and_an_initial_letter_stands_for_none() {
    let mut question = on_the_web();
    question.app.name = "'notes' App".into();
    let (letter, picture) = (r#"<span class="logo" aria-hidden="true">N</span>"#, r#"<img class="logo""#);
    let page = html(&question);
    assert!(page.contains(letter) && !page.contains(picture), "{page}");
    question.app.logo = Some("/logos/abc".into());
    let page = html(&question);
    assert!(page.contains(r#"<img class="logo" src="/logos/abc" alt="Logo of "#), "{page}");
    assert!(!page.contains(r#"<span class="logo""#));
}

#[test]
fn saying_no_is_as_easy_as_saying_yes() {
    for question in [question(), on_the_web(), of_device()] {
        let page = html(&question);
        assert!(page.contains(r#"<button class="button no" name="decision" value="deny">"#));
        assert!(page.contains(r#"<button class="button" name="decision" value="allow">"#));
    }
}

#[test]
fn whatever_is_shown_differently_is_another_part() {
    type Change = (usize, fn(&mut Question));
    let changes: [Change; 17] = [
        (0, |question| question.about = "other".into()),
        (1, |question| question.app.name = "Other".into()),
        (1, |question| question.app.id = "other".into()),
        (1, |question| question.app.standing = Verification::Verified),
        (1, |question| question.app.homepage = Some("https://other.example".into())),
        (1, |question| question.app.logo = Some("/logos/other".into())),
        (1, |question| question.app.metadata = "other".into()),
        (2, |question| question.origin = of_device().origin),
        (3, |question| question.servers[0].name = "Other".into()),
        (3, |question| question.servers[0].url = "https://other.example".into()),
        (4, |question| question.servers[0].lines[0].words = "Delete your notes".into()),
        (4, |question| question.identity.push(line("email", "See your e-mail address", true))),
        (5, |question| question.withheld.push(line("mcp:admin", "Everything", true))),
        (6, |question| question.lifetime = "Up to 2 hours.".into()),
        (7, |question| question.username = "bob".into()),
        (7, |question| question.user_id = "2".into()),
        (8, |question| question.history.step = Step::Same),
    ];
    let before = question().digests();
    for (part, change) in changes {
        let mut question = question();
        change(&mut question);
        let differ: Vec<_> = (0..9).filter(|at| !question.digests()[*at].matches(&before[*at])).collect();
        assert_eq!(differ, [part]);
    }
    // The passing of time is not a difference.
    let mut device = of_device();
    let before = device.digests();
    if let Origin::Device(device) = &mut device.origin {
        device.minutes_ago = 5;
    }
    assert_eq!(device.digests(), before);
}
