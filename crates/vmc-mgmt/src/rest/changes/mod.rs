//! Documents that come in, as HMC commands.

pub mod adapter;
pub mod mapping;
pub mod network;
pub mod partition;
pub mod storage;

use super::error::RestError;
use super::xml::Element;
use crate::objects::Field;

/// Writes what a document says of an object's attributes. What it says as `shown` does is left alone, so that what a client sends
/// back unchanged changes nothing.
pub fn write<T, E>(
    fields: &[Field<T, E>],
    element: &Element,
    shown: Option<&T>,
    edit: &mut E,
) -> Result<(), RestError> {
    for field in fields.iter().filter(|field| !field.xml.is_empty() && field.write.is_some()) {
        let Some(text) = element.text_at(field.xml) else { continue };
        let same = shown.and_then(|object| field.xml_text(object));
        if same.as_deref().map(str::trim) != Some(text) {
            field.write_rest(edit, text)?;
        }
    }
    Ok(())
}
