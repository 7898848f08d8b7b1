//! Settings as they were written, each with its origin: built in, a file, or a variable.
use super::{
    faults::{Fault, Faults, Origin},
    schema::{self, Shape},
};
use anyhow::Context;
use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};
use toml::de::{DeTable, DeValue};

/// Prefix of the variables that set something.
pub(super) const PREFIX: &str = "KEYWARD__";

/// The variable of a setting.
pub(super) fn variable(path: &[&str]) -> String {
    format!("{PREFIX}{}", path.join("__").to_uppercase())
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub origin: Origin,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Table(BTreeMap<String, Node>),
    List(Vec<Node>),
    Text(String),
    Number(i128),
    Fraction(f64),
    Truth(bool),
    Date(String),
    /// The value was wrong and has been left out.
    Gone,
}

/// All settings; later sources override earlier ones.
#[derive(Debug)]
pub(super) struct Source {
    pub root: Node,
    pub file: Option<PathBuf>,
}

impl Source {
    /// Unreadable parts are reported as errors and left out.
    pub fn gather(
        defaults: &str,
        file: Option<&Path>,
        variables: HashMap<String, String>,
        faults: &mut Faults,
    ) -> anyhow::Result<Self> {
        let mut root = parse(defaults, &|_| Origin::BuiltIn, faults);
        if let Some(file) = file {
            let shown = || format!("cannot read the settings in {}", file.display());
            let text = std::fs::read_to_string(file).with_context(shown)?;
            merge(&mut root, parse(&text, &|at| Origin::File(line(&text, at)), faults));
        }
        // In the order of their names, so that the result does not vary.
        for (name, value) in variables.into_iter().collect::<BTreeMap<_, _>>() {
            if let Some(path) = setting(&name) {
                let node = Node { origin: Origin::Variable(name.clone()), value: Value::Text(value) };
                if !put(&mut root, &path, node) {
                    nothing_below(&path, name, faults);
                }
            }
        }
        Ok(Self { root, file: file.map(Path::to_owned) })
    }

    pub fn find(&self, path: &[String]) -> Option<&Node> {
        path.iter().try_fold(&self.root, |node, step| node.child(step))
    }

    /// Answers whether the path existed.
    pub fn take_out(&mut self, path: &[String]) -> bool {
        let node = path.iter().try_fold(&mut self.root, |node, step| node.child_mut(step));
        node.is_some_and(|node| !matches!(std::mem::replace(&mut node.value, Value::Gone), Value::Gone))
    }
}

impl Node {
    /// Adds an entry to a table.
    pub fn insert(&mut self, name: &str, node: Self) {
        if let Value::Table(table) = &mut self.value {
            table.insert(name.to_owned(), node);
        }
    }

    fn child(&self, step: &str) -> Option<&Self> {
        match &self.value {
            Value::Table(table) => table.get(step),
            Value::List(list) => list.get(step.parse::<usize>().ok()?),
            _ => None,
        }
    }

    fn child_mut(&mut self, step: &str) -> Option<&mut Self> {
        match &mut self.value {
            Value::Table(table) => table.get_mut(step),
            Value::List(list) => list.get_mut(step.parse::<usize>().ok()?),
            _ => None,
        }
    }
}

/// The path that a variable with this name sets, in lower case.
fn setting(name: &str) -> Option<Vec<String>> {
    let prefix = name.get(..PREFIX.len()).filter(|prefix| prefix.eq_ignore_ascii_case(PREFIX))?;
    Some(name[prefix.len()..].split("__").map(str::to_lowercase).collect())
}

/// For a text that is not TOML, the error has only the rule and the line number: the line itself may hold a secret.
fn parse(text: &str, origin: &dyn Fn(usize) -> Origin, faults: &mut Faults) -> Node {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = origin(error.span().map_or(0, |span| span.start));
        faults.push(Fault::of_text(at, error.message()));
    }
    let table = if errors.is_empty() { table.into_inner() } else { DeTable::new() };
    Node { origin: Origin::BuiltIn, value: self::table(table, origin) }
}

/// Each setting gets the position of its name.
fn table(table: DeTable<'_>, origin: &dyn Fn(usize) -> Origin) -> Value {
    let entries = table.into_iter().map(|(name, value)| {
        let node = Node { origin: origin(name.span().start), value: self::value(value.into_inner(), origin) };
        (name.into_inner().into_owned(), node)
    });
    Value::Table(entries.collect())
}

fn value(value: DeValue<'_>, origin: &dyn Fn(usize) -> Origin) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => {
            Value::Number(i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(i128::MAX))
        }
        DeValue::Float(number) => Value::Fraction(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(truth) => Value::Truth(truth),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(list) => {
            let nodes = list
                .into_iter()
                .map(|item| Node { origin: origin(item.span().start), value: self::value(item.into_inner(), origin) });
            Value::List(nodes.collect())
        }
        DeValue::Table(inner) => table(inner, origin),
    }
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// Tables are merged; any other value is replaced by the later one.
fn merge(below: &mut Node, above: Node) {
    match (&mut below.value, above.value) {
        (Value::Table(below), Value::Table(above)) => {
            for (name, node) in above {
                match below.get_mut(&name) {
                    Some(held) => merge(held, node),
                    None => drop(below.insert(name, node)),
                }
            }
        }
        (held, value) => *held = value,
    }
    below.origin = above.origin;
}

/// Sets the value of a variable. Names in variables have no case, so they match names of the file in any case. A value
/// where a table belongs stays, so that it is reported. Answers whether the path could be set.
fn put(node: &mut Node, path: &[String], new: Node) -> bool {
    let [name, rest @ ..] = path else {
        *node = new;
        return true;
    };
    let Value::Table(table) = &mut node.value else { return false };
    let known = table.keys().find(|known| known.eq_ignore_ascii_case(name)).unwrap_or(name).clone();
    let empty = || Node { origin: new.origin.clone(), value: Value::Table(BTreeMap::new()) };
    put(table.entry(known).or_insert_with(empty), rest, new)
}

/// Reports a variable whose name continues below a setting.
fn nothing_below(path: &[String], name: String, faults: &mut Faults) {
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    let setting = (1..path.len())
        .map(|end| &path[..end])
        .find(|above| schema::at(above).is_some_and(|shape| !matches!(shape, Shape::Table(_) | Shape::Named)));
    if let Some(setting) = setting {
        let text = format!("there is no such setting; did you mean {}?", variable(setting));
        faults.push(Fault::of_text(Origin::Variable(name), &text));
    }
}
