//! Units of measure, and how one becomes another.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dimension {
    Mass,
    Length,
    Volume,
    Temperature,
}

/// A unit: its names, and how many of the dimension's base unit it is, `factor` for each and `offset` before.
struct Unit {
    names: &'static [&'static str],
    dimension: Dimension,
    factor: f64,
    offset: f64,
}

const fn unit(names: &'static [&'static str], dimension: Dimension, factor: f64) -> Unit {
    Unit { names, dimension, factor, offset: 0.0 }
}

/// The base units are kilogram, metre, litre and kelvin. The first name is the one shown.
const UNITS: &[Unit] = &[
    unit(&["kg", "kilogram", "kilograms"], Dimension::Mass, 1.0),
    unit(&["g", "gram", "grams"], Dimension::Mass, 0.001),
    unit(&["mg", "milligram", "milligrams"], Dimension::Mass, 0.000_001),
    unit(&["t", "tonne", "tonnes"], Dimension::Mass, 1000.0),
    unit(&["lb", "lbs", "pound", "pounds"], Dimension::Mass, 0.453_592_37),
    unit(&["oz", "ounce", "ounces"], Dimension::Mass, 0.453_592_37 / 16.0),
    unit(&["m", "metre", "metres", "meter", "meters"], Dimension::Length, 1.0),
    unit(&["km", "kilometre", "kilometres", "kilometer", "kilometers"], Dimension::Length, 1000.0),
    unit(&["cm", "centimetre", "centimetres", "centimeter", "centimeters"], Dimension::Length, 0.01),
    unit(&["mm", "millimetre", "millimetres", "millimeter", "millimeters"], Dimension::Length, 0.001),
    unit(&["in", "inch", "inches"], Dimension::Length, 0.0254),
    unit(&["ft", "foot", "feet"], Dimension::Length, 0.3048),
    unit(&["yd", "yard", "yards"], Dimension::Length, 0.9144),
    unit(&["mi", "mile", "miles"], Dimension::Length, 1609.344),
    unit(&["l", "litre", "litres", "liter", "liters"], Dimension::Volume, 1.0),
    unit(&["ml", "millilitre", "millilitres", "milliliter", "milliliters"], Dimension::Volume, 0.001),
    unit(&["m3", "cubic_metre", "cubic_meter"], Dimension::Volume, 1000.0),
    unit(&["gal", "gallon", "gallons"], Dimension::Volume, 3.785_411_784),
    unit(&["qt", "quart", "quarts"], Dimension::Volume, 3.785_411_784 / 4.0),
    unit(&["pt", "pint", "pints"], Dimension::Volume, 3.785_411_784 / 8.0),
    unit(&["cup", "cups"], Dimension::Volume, 3.785_411_784 / 16.0),
    unit(&["floz", "fl_oz"], Dimension::Volume, 3.785_411_784 / 128.0),
    unit(&["k", "kelvin"], Dimension::Temperature, 1.0),
    Unit { names: &["c", "celsius"], dimension: Dimension::Temperature, factor: 1.0, offset: 273.15 },
    Unit { names: &["f", "fahrenheit"], dimension: Dimension::Temperature, factor: 5.0 / 9.0, offset: 459.67 },
];

/// As the tool's description names them.
pub(super) fn names() -> String {
    let names: Vec<_> = UNITS.iter().filter_map(|unit| unit.names.first().copied()).collect();
    names.join(" ")
}

/// Letters may be of either case.
pub(super) fn convert(value: f64, from: &str, to: &str) -> Result<f64, &'static str> {
    let find = |name: &str| {
        let name = name.trim().to_lowercase();
        UNITS.iter().find(|unit| unit.names.contains(&name.as_str())).ok_or("A unit is unknown; see the description")
    };
    let (from, to) = (find(from)?, find(to)?);
    if from.dimension != to.dimension {
        return Err("The units do not measure the same");
    }
    let base = (value + from.offset) * from.factor;
    // Rounding may leave a trifle below.
    if from.dimension == Dimension::Temperature && base < -1e-9 {
        return Err("There is no temperature below absolute zero");
    }
    let converted = if std::ptr::eq(from, to) { value } else { base / to.factor - to.offset };
    if converted.is_finite() { Ok(converted) } else { Err("The result is too large") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_are_those_of_the_tables() {
        let cases = [
            (1.0, "kg", "lb", 2.204_622_621_848_776),
            (16.0, "oz", "lb", 1.0),
            (26.2188, "miles", "km", 42.195_068_6),
            (12.0, "in", "ft", 1.0),
            (1.0, "gal", "l", 3.785_411_784),
            (100.0, "C", "F", 212.0),
            (-40.0, "f", "c", -40.0),
            (0.0, "k", "celsius", -273.15),
            (0.0, "c", "k", 273.15),
            (5.5, "m", "metre", 5.5),
        ];
        for (value, from, to, expected) in cases {
            let converted = convert(value, from, to).unwrap();
            assert!((converted - expected).abs() < 1e-6, "{value} {from} {to}: {converted}");
        }
    }

    #[test]
    fn what_cannot_be_converted_says_why() {
        assert!(convert(1.0, "kg", "m").unwrap_err().contains("measure"));
        assert!(convert(1.0, "parsec", "m").unwrap_err().contains("unknown"));
        assert!(convert(-300.0, "c", "f").unwrap_err().contains("absolute zero"));
        assert!(convert(f64::MAX, "t", "mg").unwrap_err().contains("large"));
    }
}
