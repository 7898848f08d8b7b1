//! Invented weather for a city, the same for everybody on the same day.
use super::{
    Failure,
    call::Call,
    dates::day,
    fake::{Fake, round},
    tool::{Set, Tool},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::{Date, Duration, format_description::well_known::Rfc3339};

pub(super) const SET: Set = Set { name: "weather", title: "Weather", tools };

const CONDITIONS: &[&str] = &["sunny", "partly cloudy", "cloudy", "light rain", "rain", "thunderstorm", "snow", "fog"];
const ALERTS: &[(&str, &str)] = &[
    ("Strong wind", "Secure what stands outside."),
    ("Thunderstorm", "Stay indoors while it lasts."),
    ("Heat", "Drink enough and avoid the sun at noon."),
    ("Flood", "Keep away from rivers."),
];

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Units {
    /// °C and km/h.
    #[default]
    Metric,
    /// °F and mph.
    Imperial,
}

#[derive(Deserialize, JsonSchema)]
struct CurrentArguments {
    #[schemars(length(min = 1, max = 100))]
    city: String,
    #[serde(default)]
    units: Units,
}

#[derive(Serialize, JsonSchema)]
struct Current {
    success: bool,
    city: String,
    units: Units,
    temperature: f64,
    feels_like: f64,
    condition: &'static str,
    /// In percent.
    humidity: i32,
    wind_speed: f64,
    /// In hPa.
    pressure: i32,
    /// RFC 3339, UTC.
    observed_at: String,
}

#[derive(Deserialize, JsonSchema)]
struct ForecastArguments {
    #[schemars(length(min = 1, max = 100))]
    city: String,
    /// From today on.
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = 7))]
    days: u8,
}

#[derive(Serialize, JsonSchema)]
struct Outlook {
    success: bool,
    city: String,
    forecast_days: u8,
    forecast: Vec<Day>,
}

#[derive(Serialize, JsonSchema)]
struct Day {
    date: String,
    /// In °C.
    high: f64,
    /// In °C.
    low: f64,
    condition: &'static str,
}

#[derive(Deserialize, JsonSchema)]
struct AlertArguments {
    #[schemars(length(min = 1, max = 100))]
    city: String,
}

#[derive(Serialize, JsonSchema)]
struct Warnings {
    success: bool,
    city: String,
    alerts_count: usize,
    alerts: Vec<Alert>,
    /// `active` or `clear`.
    status: &'static str,
    message: String,
}

#[derive(Serialize, JsonSchema)]
struct Alert {
    event: &'static str,
    /// `minor`, `moderate` or `severe`.
    severity: &'static str,
    instruction: &'static str,
    /// RFC 3339, UTC.
    expires_at: String,
}

fn five() -> u8 {
    5
}

fn tools() -> anyhow::Result<Vec<Tool>> {
    Ok(vec![
        Tool::new("get_current_weather", "Current weather", "Tells a city's weather, which is made up.", current)?
            .scope("mcp:tools:read"),
        Tool::new(
            "get_forecast",
            "Forecast",
            "Tells a city's weather of the next days, which is made up.",
            |call, city| Ok(forecast(call, city)),
        )?
        .scope("mcp:tools:read"),
        Tool::new("get_weather_alerts", "Weather alerts", "Tells a city's warnings, which are made up.", alerts)?
            .scope("mcp:tools:read"),
    ])
}

fn of_day(city: &str, date: Date) -> (Fake, Day) {
    let mut fake = Fake::of(&["weather", &city.trim().to_lowercase(), &day(date)]);
    let low = fake.tenths(-5, 20);
    let high = round(low + fake.tenths(3, 12), 1);
    let condition = fake.one(CONDITIONS);
    (fake, Day { date: day(date), high, low, condition })
}

fn current(call: &Call, CurrentArguments { city, units }: CurrentArguments) -> Result<Current, Failure> {
    let now = call.clock.now();
    let (mut fake, today) = of_day(&city, now.date());
    let temperature = round(f64::midpoint(today.low, today.high), 1);
    let (feels_like, wind_speed) = (temperature - fake.tenths(0, 3), fake.tenths(0, 40));
    let (degrees, speed): (fn(f64) -> f64, f64) = match units {
        Units::Metric => (|celsius| celsius, 1.0),
        Units::Imperial => (|celsius| celsius * 1.8 + 32.0, 1.609_344),
    };
    Ok(Current {
        success: true,
        city,
        units,
        temperature: round(degrees(temperature), 1),
        feels_like: round(degrees(feels_like), 1),
        condition: today.condition,
        humidity: fake.between(30, 95),
        wind_speed: round(wind_speed / speed, 1),
        pressure: fake.between(990, 1035),
        observed_at: now.format(&Rfc3339)?,
    })
}

fn forecast(call: &Call, ForecastArguments { city, days }: ForecastArguments) -> Outlook {
    let today = call.clock.now().date();
    let date = |ahead: u8| today.saturating_add(Duration::days(ahead.into()));
    let forecast = (0..days).map(|ahead| of_day(&city, date(ahead)).1).collect();
    Outlook { success: true, city, forecast_days: days, forecast }
}

fn alerts(call: &Call, AlertArguments { city }: AlertArguments) -> Result<Warnings, Failure> {
    let now = call.clock.now();
    let mut fake = Fake::of(&["alerts", &city.trim().to_lowercase(), &day(now.date())]);
    let mut alerts = Vec::new();
    for _ in 0..fake.between(0, 2) {
        let (event, instruction) = fake.one(ALERTS);
        let severity = fake.one(&["minor", "moderate", "severe"]);
        let expires_at = (now + Duration::hours(fake.between(2, 24).into())).format(&Rfc3339)?;
        alerts.push(Alert { event, severity, instruction, expires_at });
    }
    let (status, message) = match alerts.len() {
        0 => ("clear", "There are no warnings".to_owned()),
        1 => ("active", "There is 1 warning".to_owned()),
        more => ("active", format!("There are {more} warnings")),
    };
    Ok(Warnings { success: true, city, alerts_count: alerts.len(), alerts, status, message })
}
