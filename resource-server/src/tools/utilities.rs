//! Tools that need no permission: arithmetic, units, random values.
use super::{
    Failure,
    call::Call,
    expression::{self, NAMES},
    random,
    tool::{Set, Tool},
    units,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

pub(super) const SET: Set = Set { name: "utilities", title: "Utilities", tools };

/// Larger whole numbers are not all exact in `f64`.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

#[derive(Deserialize, JsonSchema)]
struct CalculateArguments {
    #[schemars(length(min = 1, max = 200))]
    expression: String,
}

#[derive(Serialize, JsonSchema)]
struct Calculated {
    success: bool,
    expression: String,
    result: Number,
    /// `integer` or `float`.
    result_type: &'static str,
    /// With commas between thousands.
    formatted: String,
}

#[derive(Deserialize, JsonSchema)]
struct ConvertArguments {
    value: f64,
    #[schemars(length(min = 1, max = 30))]
    from_unit: String,
    #[schemars(length(min = 1, max = 30))]
    to_unit: String,
}

#[derive(Serialize, JsonSchema)]
struct Conversion {
    success: bool,
    original_value: f64,
    original_unit: String,
    converted_value: f64,
    converted_unit: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Number,
    Uuid,
    Password,
    Hex,
}

#[derive(Deserialize, JsonSchema)]
struct RandomArguments {
    #[serde(default, rename = "type")]
    kind: Kind,
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 100))]
    count: u8,
    /// Of numbers, the least.
    #[serde(default)]
    min: i64,
    /// Of numbers, the greatest.
    #[serde(default = "hundred")]
    max: i64,
}

#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Random {
    Number(i64),
    Text(String),
}

#[derive(Serialize, JsonSchema)]
struct Randoms {
    success: bool,
    #[serde(rename = "type")]
    kind: Kind,
    count: u8,
    results: Vec<Random>,
}

fn one() -> u8 {
    1
}

fn hundred() -> i64 {
    100
}

fn tools() -> anyhow::Result<Vec<Tool>> {
    let converts = "Converts between units of mass, length, volume and temperature.";
    let mut calculate = Tool::new("calculate", "Calculate", "Calculates an expression.", calculate)?;
    describe(&mut calculate, "expression", format!("With + - * / // % ** ( ) , and these names: {NAMES}"));
    let mut convert = Tool::new("convert_units", "Convert units", converts, convert)?;
    for name in ["from_unit", "to_unit"] {
        describe(&mut convert, name, format!("One of {}", units::names()));
    }
    let random = Tool::new("generate_random", "Random", "Makes random numbers, UUIDs, passwords or digits.", randoms)?;
    Ok(vec![calculate, convert, random])
}

/// Adds a description that a doc comment cannot contain, because another module has the text.
fn describe(tool: &mut Tool, argument: &str, text: String) {
    let properties = tool.input.json.get_mut("properties");
    if let Some(argument) = properties.and_then(|all| all.get_mut(argument)).and_then(|one| one.as_object_mut()) {
        argument.insert("description".to_owned(), text.into());
    }
}

fn calculate(_: &Call, CalculateArguments { expression }: CalculateArguments) -> Result<Calculated, Failure> {
    let value = expression::value(&expression).map_err(|fault| Failure::new(fault.text()))?;
    let (result, formatted) = shown(value).ok_or_else(|| Failure::new(expression::Fault::Large.text()))?;
    let result_type = if result.is_f64() { "float" } else { "integer" };
    Ok(Calculated { success: true, expression, result, result_type, formatted })
}

/// Whole numbers as integers; `None` if the value is not a number.
fn shown(value: f64) -> Option<(Number, String)> {
    if value.fract() != 0.0 || value.abs() > LARGEST_WHOLE {
        return Some((Number::from_f64(value)?, with_commas(&value.to_string())));
    }
    let whole = format!("{value:.0}").parse::<i64>().ok()?;
    Some((whole.into(), with_commas(&whole.to_string())))
}

fn with_commas(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, fraction) =
        digits.split_at(digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len()));
    let groups: Vec<_> = whole.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    format!("{sign}{}{fraction}", groups.join(","))
}

fn convert(_: &Call, ConvertArguments { value, from_unit, to_unit }: ConvertArguments) -> Result<Conversion, Failure> {
    let converted_value = units::convert(value, &from_unit, &to_unit).map_err(Failure::new)?;
    Ok(Conversion {
        success: true,
        original_value: value,
        original_unit: from_unit,
        converted_value,
        converted_unit: to_unit,
    })
}

fn randoms(_: &Call, RandomArguments { kind, count, min, max }: RandomArguments) -> Result<Randoms, Failure> {
    if min > max {
        return Err(Failure::new("min must not be greater than max"));
    }
    let one = || match kind {
        Kind::Number => random::number(min, max).map(Random::Number),
        Kind::Uuid => random::uuid().map(Random::Text),
        Kind::Password => random::password().map(Random::Text),
        Kind::Hex => random::hex().map(Random::Text),
    };
    let results = (0..count).map(|_| one()).collect::<Result<_, _>>()?;
    Ok(Randoms { success: true, kind, count, results })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_people_write_them() {
        let cases = [
            (1_234_567.0, "1234567", "1,234,567"),
            (-1234.5, "-1234.5", "-1,234.5"),
            (0.25, "0.25", "0.25"),
            (-0.0, "0", "0"),
            (9_007_199_254_740_992.0, "9007199254740992", "9,007,199,254,740,992"),
        ];
        for (value, json, formatted) in cases {
            let (result, text) = shown(value).unwrap();
            assert_eq!((result.to_string().as_str(), text.as_str()), (json, formatted));
        }
        assert!(shown(1e300).unwrap().0.is_f64());
    }
}
