//! Medians of all turns, as a table, as JSON and as a picture.
mod figures;
mod json;
mod markdown;
mod svg;
mod table;

pub use json::json;
pub use markdown::markdown;
pub use svg::svg;
pub use table::table;
