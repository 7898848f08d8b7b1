//! Invented good news, the same for everybody on the same day.
use super::{
    Failure,
    call::Call,
    dates::day,
    fake::Fake,
    tool::{NoArguments, Set, Tool},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime, Time, format_description::well_known::Rfc3339};

pub(super) const SET: Set = Set { name: "news", title: "News", tools };

const SOURCES: &[&str] = &["Example Times", "The Daily Sample", "Fixture Post", "Placeholder Herald"];
/// Articles that a search looks through.
const FOUND: u16 = 10;

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Category {
    #[default]
    General,
    Business,
    Technology,
    Sports,
    Entertainment,
}

const CATEGORIES: &[Category] =
    &[Category::General, Category::Business, Category::Technology, Category::Sports, Category::Entertainment];

#[derive(Deserialize, JsonSchema)]
struct LatestArguments {
    #[serde(default)]
    category: Category,
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 50))]
    limit: u16,
}

#[derive(Serialize, JsonSchema)]
struct Article {
    title: String,
    summary: String,
    category: Category,
    source: &'static str,
    /// RFC 3339, UTC.
    published_at: String,
    /// Leads nowhere.
    url: String,
}

#[derive(Serialize, JsonSchema)]
struct Latest {
    success: bool,
    category: Category,
    article_count: usize,
    /// Newest first.
    articles: Vec<Article>,
}

#[derive(Deserialize, JsonSchema)]
struct SearchArguments {
    #[schemars(length(min = 1, max = 200))]
    query: String,
    /// Nothing older than this day, `2026-12-31`.
    #[schemars(extend("format" = "date"))]
    from_date: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Search {
    success: bool,
    query: String,
    results_count: usize,
    /// Newest first.
    articles: Vec<Article>,
}

#[derive(Serialize, JsonSchema)]
struct Ranking {
    success: bool,
    trending_count: usize,
    trending_topics: Vec<Ranked>,
}

#[derive(Serialize, JsonSchema)]
struct Ranked {
    rank: usize,
    topic: &'static str,
    category: Category,
    mentions: i32,
}

fn ten() -> u16 {
    10
}

fn tools() -> anyhow::Result<Vec<Tool>> {
    Ok(vec![
        Tool::new("get_latest_news", "Latest news", "Tells the news of a category, which are made up.", latest)?
            .scope("mcp:tools:read"),
        Tool::new("search_news", "Search news", "Finds news on a subject, which are made up.", search)?
            .scope("mcp:tools:read"),
        Tool::new(
            "get_trending_topics",
            "Trending topics",
            "Tells what is talked about, which is made up.",
            |call, none| Ok(trending(call, none)),
        )?
        .scope("mcp:tools:read"),
    ])
}

/// One article for each number, each up to `hours` older than the previous one, beginning this morning.
fn articles(
    call: &Call,
    seed: &[&str],
    numbers: u16,
    hours: i32,
    about: impl Fn(&mut Fake) -> (Category, String),
) -> Result<Vec<Article>, Failure> {
    let today = call.clock.now().date();
    let mut fake = Fake::of(&[seed, &[&day(today)]].concat());
    let mut published = OffsetDateTime::new_utc(today, Time::MIDNIGHT);
    let mut articles = Vec::new();
    for _ in 0..numbers {
        published -= Duration::minutes(fake.between(1, hours * 60).into());
        let (category, subject) = about(&mut fake);
        let ending = fake.one(&["exceeds all hopes", "finds new friends", "is easier than thought", "goes worldwide"]);
        articles.push(Article {
            title: format!("{subject} {ending}"),
            summary: format!("Those who know it best explain why {subject} {ending}."),
            category,
            source: fake.one(SOURCES),
            published_at: published.format(&Rfc3339)?,
            url: format!("https://news.example/{}", fake.id("article")),
        });
    }
    Ok(articles)
}

fn latest(call: &Call, LatestArguments { category, limit }: LatestArguments) -> Result<Latest, Failure> {
    let name = format!("{category:?}");
    let articles =
        articles(call, &["latest", &name], limit, 4, |fake| (category, fake.one(topics(category)).to_owned()))?;
    Ok(Latest { success: true, category, article_count: articles.len(), articles })
}

fn search(call: &Call, SearchArguments { query, from_date }: SearchArguments) -> Result<Search, Failure> {
    let seed = query.trim().to_lowercase();
    let mut articles =
        articles(call, &["search", &seed], FOUND, 120, |fake| (fake.one(CATEGORIES), query.trim().to_owned()))?;
    if let Some(from) = from_date {
        articles.retain(|article| *article.published_at >= *from);
    }
    Ok(Search { success: true, query, results_count: articles.len(), articles })
}

fn trending(call: &Call, NoArguments {}: NoArguments) -> Ranking {
    let mut fake = Fake::of(&["trending", &day(call.clock.now().date())]);
    let mut topic = |category: Category| (fake.between(1_000, 90_000), fake.one(topics(category)), category);
    let mut all: Vec<_> = CATEGORIES.iter().map(|category| topic(*category)).collect();
    all.sort_by_key(|(mentions, ..)| -mentions);
    let ranked = all.into_iter().zip(1..);
    let trending_topics: Vec<_> =
        ranked.map(|((mentions, topic, category), rank)| Ranked { rank, topic, category, mentions }).collect();
    Ranking { success: true, trending_count: trending_topics.len(), trending_topics }
}

fn topics(category: Category) -> &'static [&'static str] {
    match category {
        Category::General => &["The night train", "The city park", "The public library", "The ferry line"],
        Category::Business => {
            &["The family bakery", "The bicycle market", "The solar cooperative", "The small harbour"]
        }
        Category::Technology => &["The open protocol", "The quiet fan", "The paper computer", "The honest robot"],
        Category::Sports => &["The village team", "The chess league", "The long-distance swim", "The slow race"],
        Category::Entertainment => &["The puppet theatre", "The brass band", "The silent film", "The radio play"],
    }
}
