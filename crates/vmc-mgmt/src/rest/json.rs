//! Documents as JSON, with the same names: what newer HMCs have beside XML.

use super::xml::{Element, MAX_DEPTH, MAX_ELEMENTS};
use serde_json::{Map, Value};

/// What is an attribute, and no element, in JSON, too.
const ATTRIBUTES: &[&str] = &["href", "rel", "schemaVersion"];

/// The document that a text is: an object with one name, as in `{"LogicalPartition": {"PartitionName": "web1"}}`. It is of the
/// current version of the schema unless it names another.
pub fn parse(text: &[u8]) -> Result<Element, String> {
    let value: Value =
        serde_json::from_slice(text).map_err(|e| format!("the document is not JSON: {e}"))?;
    let root = value.as_object().filter(|object| object.len() == 1);
    let (name, value) = root.and_then(|object| object.iter().next()).ok_or_else(|| {
        String::from("expected an object with one name, as in {\"LogicalPartition\": {…}}")
    })?;
    let mut left = MAX_ELEMENTS;
    let element = element(name, value, MAX_DEPTH, &mut left)?;
    Ok(match element.attribute("schemaVersion") {
        Some(_) => element,
        None => element.with("schemaVersion", "V1_0"),
    })
}

fn element(name: &str, value: &Value, depth: usize, left: &mut usize) -> Result<Element, String> {
    let begins = |c: char| c.is_alphabetic() || c == '_';
    if !name.starts_with(begins) || !name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))
    {
        return Err(format!("expected the name of an element, got {name:?}"));
    }
    if depth == 0 || *left == 0 {
        return Err(super::xml::XmlError::TooLarge.to_string());
    }
    *left -= 1;
    let mut made = Element::new(name);
    match value {
        Value::Null => {}
        Value::Object(object) => {
            for (name, value) in object {
                match value {
                    Value::String(text) if ATTRIBUTES.contains(&name.as_str()) => {
                        made.attributes.push((name.clone(), text.clone()));
                    }
                    Value::Array(several) => {
                        for one in several {
                            made.children.push(element(name, one, depth - 1, left)?);
                        }
                    }
                    one => made.children.push(element(name, one, depth - 1, left)?),
                }
            }
        }
        Value::Array(_) => {
            return Err(format!(
                "expected {name} as an object or a text, got an array in an array"
            ));
        }
        Value::String(text) => made.text = text.clone(),
        other => made.text = other.to_string(),
    }
    if let Some(c) = made.text.chars().find(|c| !is_text(*c)) {
        return Err(format!("{name} has the character {c:?}, which no document can have"));
    }
    Ok(made)
}

/// Whether XML 1.0 has the character.
fn is_text(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// An element's text, or its attributes and elements by name; several of a name are an array.
pub fn of(element: &Element) -> Value {
    if element.children.is_empty() && element.attribute("href").is_none() {
        return Value::String(element.text.clone());
    }
    let mut object = Map::new();
    if let Some(href) = element.attribute("href") {
        object.insert("href".into(), Value::String(href.to_owned()));
        if let Some(rel) = element.attribute("rel") {
            object.insert("rel".into(), Value::String(rel.to_owned()));
        }
    }
    for child in &element.children {
        let made = of(child);
        match object.get_mut(&child.name) {
            None => drop(object.insert(child.name.clone(), made)),
            Some(Value::Array(several)) => several.push(made),
            Some(one) => *one = Value::Array(vec![one.take(), made]),
        }
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_in_json_is_the_one_in_xml() {
        let json = r#"{"LogicalPartition":{"PartitionName":"a","PartitionID":7,"AutoStart":true,"Empty":null,"P":{"Q":["1","2"],
                       "link":{"href":"h","rel":"r"}}}}"#;
        let xml = "<LogicalPartition schemaVersion='V1_0'><PartitionName>a</PartitionName><PartitionID>7</PartitionID>\
                   <AutoStart>true</AutoStart><Empty/><P><Q>1</Q><Q>2</Q><link href='h' rel='r'/></P></LogicalPartition>";
        let mut parsed = parse(json.as_bytes()).expect("a document");
        let mut expected = Element::parse(xml.as_bytes()).expect("a document");
        // The order of an object's names says nothing.
        parsed.children.sort_by(|a, b| a.name.cmp(&b.name));
        expected.children.sort_by(|a, b| a.name.cmp(&b.name));
        parsed.children.iter_mut().for_each(|it| it.children.sort_by(|a, b| a.name.cmp(&b.name)));
        assert_eq!(parsed, expected);
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let deep = format!("{}1{}", "{\"a\":".repeat(70), "}".repeat(70));
        for text in [
            "",
            "1",
            "{}",
            "{\"a\":1,\"b\":2}",
            "{\"a b\":1}",
            "{\"a\":[[1]]}",
            "{\"\":1}",
            "{\"a\":\"\\u0001\"}",
            &deep,
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn texts_links_and_repetitions_have_their_forms() {
        let link = |to: &str| Element::new("link").with("href", to).with("rel", "SELF");
        let element = Element::new("entry")
            .child(Element::text("id", "abc"))
            .child(link("a"))
            .child(link("b"))
            .child(Element::new("empty"));
        let expected = r#"{"id":"abc","link":[{"href":"a","rel":"SELF"},{"href":"b","rel":"SELF"}],"empty":""}"#;
        assert_eq!(of(&element), serde_json::from_str::<Value>(expected).expect("JSON"));
    }
}
