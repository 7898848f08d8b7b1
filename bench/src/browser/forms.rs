//! The form of a page that a person would send: with a name and a password, or with the button that allows.
use crate::{site::Person, wire};
use anyhow::Context;
use scraper::{ElementRef, Html, Selector};
use std::sync::LazyLock;

static FORMS: LazyLock<Option<Selector>> = LazyLock::new(|| Selector::parse("form").ok());
static FIELDS: LazyLock<Option<Selector>> = LazyLock::new(|| Selector::parse("input[name]").ok());
static BUTTONS: LazyLock<Option<Selector>> = LazyLock::new(|| Selector::parse("button, input[type=submit]").ok());

pub struct Form {
    pub action: String,
    pub body: String,
}

impl Form {
    pub fn read(page: &str, person: &Person) -> anyhow::Result<Self> {
        let html = Html::parse_document(page);
        let forms: Vec<_> = all(&html.root_element(), &FORMS).filter(posts).collect();
        let with_password = forms.iter().find(|form| all(form, &FIELDS).any(|field| kind(&field) == "password"));
        // Forms before the last, to sign out, are not what the page is about.
        let form = with_password.or(forms.last()).context("the page has no form")?;
        let action = form.value().attr("action").context("a form without action")?.to_owned();
        let mut pairs: Vec<(&str, &str)> = all(form, &FIELDS).filter_map(|field| filled(field, person)).collect();
        pairs.extend(pressed(form));
        Ok(Self { action, body: wire::form(&pairs) })
    }
}

fn all<'a>(of: &ElementRef<'a>, selector: &'static LazyLock<Option<Selector>>) -> impl Iterator<Item = ElementRef<'a>> {
    let of = *of;
    selector.iter().flat_map(move |selector| of.select(selector))
}

fn posts(form: &ElementRef) -> bool {
    form.value().attr("method").is_some_and(|method| method.eq_ignore_ascii_case("post"))
}

fn kind<'a>(field: &ElementRef<'a>) -> &'a str {
    field.value().attr("type").unwrap_or("text")
}

fn filled<'a>(field: ElementRef<'a>, person: &'a Person) -> Option<(&'a str, &'a str)> {
    let value = match kind(&field) {
        "password" => &person.password,
        "text" | "email" => &person.username,
        "hidden" => field.value().attr("value").unwrap_or_default(),
        _ => return None,
    };
    Some((field.value().attr("name")?, value))
}

/// The button that says yes, else the first.
fn pressed<'a>(form: &ElementRef<'a>) -> Option<(&'a str, &'a str)> {
    let named = |button: ElementRef<'a>| Some((button.value().attr("name")?, button.value().attr("value")?));
    let buttons: Vec<_> = all(form, &BUTTONS).filter_map(named).collect();
    buttons.iter().find(|(_, value)| *value == "allow").or(buttons.first()).copied()
}
