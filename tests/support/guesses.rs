//! Guessing passwords, from one address or from everywhere.
use super::{
    app::{Answer, TestApp, encode, send},
    browser::{borrowed, hidden},
    peers::from,
};
use axum::{Router, http::Request};
use keyward::http::router;
use tokio::task::JoinSet;

/// A sign-in page that was opened once, and is sent as often as one likes.
#[derive(Clone)]
pub struct Page {
    router: Router,
    form: Vec<(String, String)>,
    cookie: String,
}

impl Page {
    pub async fn open(t: &TestApp) -> Self {
        let mut browser = t.browser();
        let form = hidden(&browser.get("/login").await, "/login");
        let cookie =
            browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        Self { router: router(t.app.clone()), form, cookie }
    }

    /// In a browser that holds this cookie too.
    pub fn with(&self, answer: &Answer) -> Self {
        let mut cookies = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
        let known = cookies.find(|cookie| cookie.starts_with("__Host-keyward_known=")).unwrap();
        for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age="] {
            assert!(known.contains(attribute), "{attribute} is missing: {known}");
        }
        self.with_cookie(known.split(';').next().unwrap())
    }

    pub fn with_cookie(&self, cookie: &str) -> Self {
        Self { cookie: format!("{}; {cookie}", self.cookie), ..self.clone() }
    }

    pub async fn send(self, address: [u8; 4], username: String, password: &'static str) -> Answer {
        let mut form = borrowed(&self.form);
        form.extend([("username", username.as_str()), ("password", password)]);
        let request = Request::post("/login")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", &self.cookie)
            .body(encode(&form).into());
        send(&self.router, from(address, request.unwrap())).await
    }

    pub async fn status(&self, address: [u8; 4], username: &str, password: &'static str) -> u16 {
        self.clone().send(address, username.into(), password).await.status.as_u16()
    }

    /// How often each of two statuses was the answer, of these that are all sent at once.
    pub async fn at_once(&self, all: Vec<([u8; 4], String, &'static str)>, statuses: [u16; 2]) -> [usize; 2] {
        let mut waiting = JoinSet::new();
        for (address, username, password) in all {
            waiting.spawn(self.clone().send(address, username, password));
        }
        let answers = waiting.join_all().await;
        statuses.map(|status| answers.iter().filter(|answer| answer.status == status).count())
    }
}

/// Wrong passwords for this account, from so many addresses.
pub async fn attack_from_everywhere(t: &TestApp, username: &str) -> usize {
    let mut judged = 0;
    for n in 0..=255 {
        if let Ok(booked) = t.app.limits.guesses.sign_in(username, [198, 18, 0, n].into(), false).await {
            let _ = booked.wrong(t.app.clock.now());
            judged += 1;
        }
    }
    judged
}
