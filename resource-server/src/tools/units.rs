//! Units of measure and conversion between them.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dimension {
    Mass,
    Length,
    Volume,
    Temperature,
}

/// An exact number of the tables: numerator and denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ratio(i128, i128);

/// A unit: its names, and its conversion to the base unit of its dimension by `factor` and `offset`.
struct Unit {
    names: &'static [&'static str],
    dimension: Dimension,
    factor: Ratio,
    offset: Ratio,
}

const fn unit(names: &'static [&'static str], dimension: Dimension, numerator: i128, denominator: i128) -> Unit {
    Unit { names, dimension, factor: Ratio(numerator, denominator), offset: Ratio(0, 1) }
}

/// The base units are kilogram, metre, litre and kelvin. The first name is the one shown.
const UNITS: &[Unit] = &[
    unit(&["kg", "kilogram", "kilograms"], Dimension::Mass, 1, 1),
    unit(&["g", "gram", "grams"], Dimension::Mass, 1, 1000),
    unit(&["mg", "milligram", "milligrams"], Dimension::Mass, 1, 1_000_000),
    unit(&["t", "tonne", "tonnes"], Dimension::Mass, 1000, 1),
    unit(&["lb", "lbs", "pound", "pounds"], Dimension::Mass, POUND, 100_000_000),
    unit(&["oz", "ounce", "ounces"], Dimension::Mass, POUND, 16 * 100_000_000),
    unit(&["m", "metre", "metres", "meter", "meters"], Dimension::Length, 1, 1),
    unit(&["km", "kilometre", "kilometres", "kilometer", "kilometers"], Dimension::Length, 1000, 1),
    unit(&["cm", "centimetre", "centimetres", "centimeter", "centimeters"], Dimension::Length, 1, 100),
    unit(&["mm", "millimetre", "millimetres", "millimeter", "millimeters"], Dimension::Length, 1, 1000),
    unit(&["in", "inch", "inches"], Dimension::Length, 254, 10_000),
    unit(&["ft", "foot", "feet"], Dimension::Length, 3048, 10_000),
    unit(&["yd", "yard", "yards"], Dimension::Length, 9144, 10_000),
    unit(&["mi", "mile", "miles"], Dimension::Length, 1_609_344, 1000),
    unit(&["l", "litre", "litres", "liter", "liters"], Dimension::Volume, 1, 1),
    unit(&["ml", "millilitre", "millilitres", "milliliter", "milliliters"], Dimension::Volume, 1, 1000),
    unit(&["m3", "cubic_metre", "cubic_meter"], Dimension::Volume, 1000, 1),
    unit(&["gal", "gallon", "gallons"], Dimension::Volume, GALLON, 1_000_000_000),
    unit(&["qt", "quart", "quarts"], Dimension::Volume, GALLON, 4 * 1_000_000_000),
    unit(&["pt", "pint", "pints"], Dimension::Volume, GALLON, 8 * 1_000_000_000),
    unit(&["cup", "cups"], Dimension::Volume, GALLON, 16 * 1_000_000_000),
    unit(&["floz", "fl_oz"], Dimension::Volume, GALLON, 128 * 1_000_000_000),
    unit(&["k", "kelvin"], Dimension::Temperature, 1, 1),
    Unit {
        names: &["c", "celsius"],
        dimension: Dimension::Temperature,
        factor: Ratio(1, 1),
        offset: Ratio(27_315, 100),
    },
    Unit {
        names: &["f", "fahrenheit"],
        dimension: Dimension::Temperature,
        factor: Ratio(5, 9),
        offset: Ratio(45_967, 100),
    },
];
/// Hundredths of a milligram.
const POUND: i128 = 45_359_237;
/// The United States gallon, in nanolitres.
const GALLON: i128 = 3_785_411_784;
/// Significant digits of a result: as many decimal digits as a `f64` can hold.
const DIGITS: usize = 15;

impl Ratio {
    const fn reduced(self) -> Self {
        let (mut a, mut b) = (self.0.abs(), self.1);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        if a == 0 { Self(0, 1) } else { Self(self.0 / a, self.1 / a) }
    }

    const fn times(self, other: Self) -> Self {
        Self(self.0 * other.0, self.1 * other.1).reduced()
    }

    const fn by(self, other: Self) -> Self {
        Self(self.0 * other.1, self.1 * other.0).reduced()
    }

    const fn minus(self, other: Self) -> Self {
        Self(self.0 * other.1 - other.0 * self.1, self.1 * other.1).reduced()
    }

    /// So many times the value.
    #[allow(clippy::cast_precision_loss)] // the numbers of the tables are far below 2^53
    fn of(self, value: f64) -> f64 {
        value * self.0 as f64 / self.1 as f64
    }
}

/// As the tool's description lists them.
pub(super) fn names() -> String {
    let names: Vec<_> = UNITS.iter().filter_map(|unit| unit.names.first().copied()).collect();
    names.join(" ")
}

/// The case of letters is ignored.
pub(super) fn convert(value: f64, from: &str, to: &str) -> Result<f64, &'static str> {
    let find = |name: &str| {
        let name = name.trim().to_lowercase();
        UNITS.iter().find(|unit| unit.names.contains(&name.as_str())).ok_or("A unit is unknown; see the description")
    };
    let (from, to) = (find(from)?, find(to)?);
    if from.dimension != to.dimension {
        return Err("The units do not measure the same");
    }
    let base = from.factor.of(value) + from.factor.times(from.offset).of(1.0);
    // Rounding may leave a tiny negative value.
    if from.dimension == Dimension::Temperature && base < -1e-9 {
        return Err("There is no temperature below absolute zero");
    }
    if std::ptr::eq(from, to) {
        return Ok(value);
    }
    let factor = from.factor.by(to.factor);
    let (scaled, shift) = (factor.of(value), factor.times(from.offset).minus(to.offset).of(1.0));
    let converted = decimal(scaled + shift, scaled.abs().max(shift.abs()));
    if converted.is_finite() { Ok(converted) } else { Err("The result is too large") }
}

/// Rounds away the residue of binary fractions; `size` is the magnitude of the operands.
fn decimal(value: f64, size: f64) -> f64 {
    if value.abs() < size * 1e-15 {
        return 0.0;
    }
    format!("{value:.precision$e}", precision = DIGITS - 1).parse().unwrap_or(value)
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
    fn results_are_exact_where_people_look() {
        for (value, from, to, expected) in [
            (100.0, "c", "f", "212"),
            (0.0, "c", "f", "32"),
            (37.0, "c", "f", "98.6"),
            (98.6, "f", "c", "37"),
            (212.0, "f", "c", "100"),
            (-40.0, "c", "f", "-40"),
            (100.0, "c", "k", "373.15"),
            (0.0, "k", "f", "-459.67"),
            (-459.67, "f", "k", "0"),
            (-273.15, "c", "k", "0"),
            (12.0, "in", "ft", "1"),
            (3.0, "ft", "yd", "1"),
            (1.0, "mi", "ft", "5280"),
            (1.0, "mi", "km", "1.609344"),
            (1.1, "in", "cm", "2.794"),
            (6.0, "ft", "in", "72"),
            (16.0, "oz", "lb", "1"),
            (1.0, "lb", "kg", "0.45359237"),
            (0.1, "kg", "g", "100"),
            (2.2, "lb", "oz", "35.2"),
            (4.0, "qt", "gal", "1"),
            (1.0, "gal", "cup", "16"),
            (1.0, "cup", "floz", "8"),
            (1.0, "m3", "l", "1000"),
        ] {
            assert_eq!(convert(value, from, to).unwrap().to_string(), expected, "{value} {from} {to}");
        }
    }

    #[test]
    fn there_and_back_is_where_it_began() {
        for from in UNITS {
            for to in UNITS.iter().filter(|to| to.dimension == from.dimension) {
                for value in [1.0, 2.5, 98.6, 1234.5] {
                    let there = convert(value, from.names[0], to.names[0]).unwrap();
                    let back = convert(there, to.names[0], from.names[0]).unwrap();
                    assert!((back - value).abs() <= value * 1e-12, "{value} {} {}", from.names[0], to.names[0]);
                }
            }
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
