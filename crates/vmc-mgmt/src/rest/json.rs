//! Documents as JSON, with the same names: what newer HMCs have beside XML.

use super::xml::Element;
use serde_json::{Map, Value};

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
