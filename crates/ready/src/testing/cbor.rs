//! JSON values as CBOR (RFC 8949), which CloudWatch speaks.

use serde_json::Value;

/// The value's bytes. Numbers are whole and not below zero.
pub(super) fn of(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(value, &mut bytes);
    bytes
}

fn write(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Null => bytes.push(0xf6),
        Value::Bool(value) => bytes.push(if *value { 0xf5 } else { 0xf4 }),
        Value::Number(number) => head(0, number.as_u64().unwrap_or_default(), bytes),
        Value::String(text) => {
            head(3, text.len() as u64, bytes);
            bytes.extend(text.as_bytes());
        }
        Value::Array(values) => {
            head(4, values.len() as u64, bytes);
            values.iter().for_each(|value| write(value, bytes));
        }
        Value::Object(members) => {
            head(5, members.len() as u64, bytes);
            for (name, value) in members {
                write(&Value::from(name.as_str()), bytes);
                write(value, bytes);
            }
        }
    }
}

/// The major type and its argument, always in eight bytes.
fn head(major: u8, argument: u64, bytes: &mut Vec<u8>) {
    bytes.push(major << 5 | 27);
    bytes.extend(argument.to_be_bytes());
}
