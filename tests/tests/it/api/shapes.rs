//! Whether a body is what the document says: as much of JSON Schema as the document uses.

use serde_json::Value;

/// What is wrong with a value, with the place of it; nothing if it fits.
pub(super) fn problem(document: &Value, schema: &Value, value: &Value, place: &str) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let found = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
        let found = found.unwrap_or_else(|| panic!("{reference} leads nowhere"));
        return problem(document, found, value, place);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    if !types.iter().any(|of| is(value, of)) {
        return Some(format!("{place} is {value}, not {types:?}"));
    }
    if let Some(items) = value.as_array() {
        let each = items.iter().enumerate();
        return each
            .filter_map(|(at, item)| problem(document, &schema["items"], item, &format!("{place}[{at}]")))
            .next();
    }
    let (Some(object), Some(properties)) = (value.as_object(), schema["properties"].as_object()) else {
        return None;
    };
    let mut required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    if let Some(missing) = required.find(|name| !object.contains_key(*name)) {
        return Some(format!("{place}.{missing} is missing in {value}"));
    }
    object
        .iter()
        .filter_map(|(name, value)| match properties.get(name) {
            Some(schema) => problem(document, schema, value, &format!("{place}.{name}")),
            None => Some(format!("{place}.{name} is not in the document: {value}")),
        })
        .next()
}

fn is(value: &Value, of: &str) -> bool {
    match of {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("there is no type {other}"),
    }
}

#[test]
fn what_does_not_fit_is_found() {
    use serde_json::json;
    let document = json!({"components": {"schemas": {"A": {"type": "object", "required": ["id"], "properties": {
        "id": {"type": "string"}, "n": {"type": ["integer", "null"]}, "any": {}
    }}}}});
    let list = json!({"type": "array", "items": {"$ref": "#/components/schemas/A"}});
    let of = |value: Value| problem(&document, &list, &value, "it").unwrap_or_default();
    assert_eq!(of(json!([{"id": "1", "n": null, "any": [1]}, {"id": "2", "n": 3}])), "");
    assert!(of(json!([{"id": 1}])).starts_with("it[0].id is 1"));
    assert!(of(json!([{"n": 1}])).starts_with("it[0].id is missing"));
    assert!(of(json!([{"id": "1", "x": 1}])).starts_with("it[0].x is not in the document"));
    assert!(of(json!([{"id": "1", "n": 1.5}])).starts_with("it[0].n is 1.5"));
}
