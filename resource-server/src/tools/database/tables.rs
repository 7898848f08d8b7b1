//! The structure of the sample's tables, as SQLite reports it.
use super::sample::{TABLES, open};
use crate::tools::Failure;
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::Serialize;

pub(super) struct Table {
    pub columns: Vec<Column>,
    pub indexes: Vec<Index>,
    pub constraints: Vec<Constraint>,
    pub row_count: usize,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    nullable: bool,
    primary_key: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Index {
    name: String,
    columns: Vec<String>,
    unique: bool,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Constraint {
    /// `PRIMARY KEY`, `UNIQUE` or `FOREIGN KEY`.
    #[serde(rename = "type")]
    kind: &'static str,
    columns: Vec<String>,
    /// Table and column.
    #[serde(skip_serializing_if = "Option::is_none")]
    references: Option<String>,
}

pub(super) fn describe(table: &str) -> Result<Table, Failure> {
    if !TABLES.contains(&table) {
        return Err(Failure::new("Unknown table; there are users, orders and products"));
    }
    let connection = open()?;
    let columns = columns(&connection, table)?;
    let primary = columns.iter().filter(|column| column.primary_key).map(|column| column.name.clone()).collect();
    let indexes = indexes(&connection, table)?;
    let mut constraints = vec![Constraint { kind: "PRIMARY KEY", columns: primary, references: None }];
    let unique = indexes.iter().filter(|index| index.unique);
    constraints.extend(unique.map(|index| Constraint {
        kind: "UNIQUE",
        columns: index.columns.clone(),
        references: None,
    }));
    let mut statement = connection.prepare("SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list(?1)")?;
    let foreign = statement.query_map([table], |row| {
        let references = format!("{}.{}", row.get::<_, String>(1)?, row.get::<_, String>(2)?);
        Ok(Constraint { kind: "FOREIGN KEY", columns: vec![row.get(0)?], references: Some(references) })
    })?;
    constraints.extend(foreign.collect::<Result<Vec<_>, _>>()?);
    // `table` is one of the three names above.
    let row_count = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, u32>(0))?;
    Ok(Table { columns, indexes, constraints, row_count: usize::try_from(row_count)? })
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    let query = "SELECT name, type, \"notnull\", pk, dflt_value FROM pragma_table_info(?1)";
    let mut statement = connection.prepare(query)?;
    let columns = statement.query_map([table], |row| {
        let primary_key = row.get::<_, i32>(3)? > 0;
        let nullable = !primary_key && row.get::<_, i32>(2)? == 0;
        Ok(Column { name: row.get(0)?, kind: row.get(1)?, nullable, primary_key, default: row.get(4)? })
    })?;
    columns.collect()
}

fn indexes(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Index>> {
    let mut statement = connection.prepare("SELECT name, \"unique\" FROM pragma_index_list(?1) ORDER BY name")?;
    let names = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let names: Vec<(String, bool)> = names.collect::<Result<_, _>>()?;
    let of = |(name, unique): (String, bool)| {
        let mut statement = connection.prepare("SELECT name FROM pragma_index_info(?1)")?;
        let columns = statement.query_map([&name], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(Index { name, columns, unique })
    };
    names.into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_described_as_they_are() {
        let orders = describe("orders").unwrap();
        assert_eq!(orders.row_count, 48);
        assert_eq!(
            orders.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>()[..2],
            ["id", "user_id"]
        );
        assert_eq!(orders.indexes[0].columns, ["user_id"]);
        let kinds: Vec<_> = orders.constraints.iter().map(|one| (one.kind, one.references.as_deref())).collect();
        assert!(
            kinds.contains(&("PRIMARY KEY", None)) && kinds.contains(&("FOREIGN KEY", Some("users.id"))),
            "{kinds:?}"
        );
        assert!(describe("sqlite_master").is_err());
        let products = describe("products").unwrap();
        assert!(products.constraints.iter().any(|one| one.kind == "UNIQUE" && one.columns == ["name"]));
        assert_eq!(products.columns[4].default.as_deref(), Some("0"));
    }
}
