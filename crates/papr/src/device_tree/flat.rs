//! Flattened device trees (Devicetree Specification 0.4, Flattened Devicetree (DTB) Format): what `dtc` reads and writes,
//! and what a kernel is started with.
//!
//! Reading trusts nothing: every offset, length and name is checked, and nodes nest at most [`MAX_DEPTH`] deep.

use super::Properties;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// How deep nodes may nest; the deepest tree of a partition has six levels.
pub const MAX_DEPTH: usize = 32;

const MAGIC: u32 = 0xD00D_FEED;
const VERSION: u32 = 17;
const LAST_COMPATIBLE_VERSION: u32 = 16;
const HEADER_BYTES: usize = 40;
/// The list of reserved memory that is written: nothing but its end.
const RESERVED_BYTES: usize = 16;

const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROPERTY: u32 = 3;
const NOP: u32 = 4;
const END: u32 = 9;

/// A node with everything below it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Node {
    /// Name with unit address, such as `ibm,vmc@30000003`; that of the root is empty.
    pub name: String,
    /// Its properties.
    pub properties: Properties,
    /// The nodes right below it.
    pub children: Vec<Node>,
}

/// Why bytes are no flattened device tree.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("at byte {at}: expected {expected}, got {got}")]
pub struct FlatError {
    /// Where in the bytes.
    pub at: usize,
    /// What should be there.
    pub expected: &'static str,
    /// What is there.
    pub got: Got,
}

/// What was there instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Got {
    /// This number.
    Number(u32),
    /// The end of the bytes.
    End,
    /// Bytes that are no such text.
    NoText,
    /// More nesting than that.
    Depth,
}

impl fmt::Display for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Got::Number(number) => write!(f, "{number:#x}"),
            Got::End => f.write_str("the end of the bytes"),
            Got::NoText => f.write_str("other bytes"),
            Got::Depth => write!(f, "nodes that nest more than {MAX_DEPTH} deep"),
        }
    }
}

impl Node {
    /// A node without properties and children.
    pub fn new(name: impl Into<String>) -> Node {
        Node { name: name.into(), ..Node::default() }
    }

    /// The name without its unit address.
    pub fn base_name(&self) -> &str {
        self.name.split_once('@').map_or(&self.name, |(base, _)| base)
    }

    /// The unit address in the name.
    pub fn unit_address(&self) -> Option<&str> {
        self.name.split_once('@').map(|(_, address)| address)
    }

    /// The tree below this node as the bytes of a `.dtb` file.
    pub fn to_flat(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.node(self);
        writer.word(END);
        let structure_at = HEADER_BYTES + RESERVED_BYTES;
        let strings_at = structure_at + writer.structure.len();
        let header = [
            MAGIC as usize,
            strings_at + writer.strings.len(),
            structure_at,
            strings_at,
            HEADER_BYTES,
            VERSION as usize,
            LAST_COMPATIBLE_VERSION as usize,
            0,
            writer.strings.len(),
            writer.structure.len(),
        ];
        let mut bytes: Vec<u8> =
            header.iter().flat_map(|word| (*word as u32).to_be_bytes()).collect();
        bytes.extend([0; RESERVED_BYTES]);
        bytes.extend(writer.structure);
        bytes.extend(writer.strings);
        bytes
    }

    /// The root of the tree that the bytes of a `.dtb` file hold.
    pub fn from_flat(bytes: &[u8]) -> Result<Node, FlatError> {
        let word = |n: usize| Reader { bytes, at: n * 4 }.word("a header of 40 bytes");
        let expect = |n: usize, expected: &'static str, holds: &dyn Fn(u32) -> bool| {
            let number = word(n)?;
            match holds(number) {
                true => Ok(number as usize),
                false => Err(FlatError { at: n * 4, expected, got: Got::Number(number) }),
            }
        };
        let length = bytes.len();
        let fits = |number: u32| number as usize <= length;
        expect(0, "the magic number 0xd00dfeed", &|magic| magic == MAGIC)?;
        expect(1, "a total size that the bytes have", &fits)?;
        expect(5, "version 16 or later", &|version| version >= LAST_COMPATIBLE_VERSION)?;
        expect(6, "a version that is compatible with 17", &|version| version <= VERSION)?;
        let structure_at = expect(2, "an aligned offset within the bytes", &|offset| {
            fits(offset) && offset.is_multiple_of(4)
        })?;
        let strings_at = expect(3, "an offset within the bytes", &fits)?;
        let strings = &bytes[strings_at..];
        let mut reader = Reader { bytes, at: structure_at };
        reader.token(BEGIN_NODE, "the beginning of the root node")?;
        let root = reader.node(strings, 1)?;
        reader.token(END, "the end of the tree")?;
        Ok(root)
    }
}

#[derive(Default)]
struct Writer {
    structure: Vec<u8>,
    strings: Vec<u8>,
}

impl Writer {
    fn word(&mut self, word: u32) {
        self.structure.extend(word.to_be_bytes());
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.structure.extend(bytes);
        self.structure.resize(self.structure.len().next_multiple_of(4), 0);
    }

    fn node(&mut self, node: &Node) {
        self.word(BEGIN_NODE);
        self.padded(&terminated(&node.name));
        for (name, value) in node.properties.iter() {
            let name_at = self.string(name);
            self.word(PROPERTY);
            self.word(value.len() as u32);
            self.word(name_at);
            self.padded(value);
        }
        node.children.iter().for_each(|child| self.node(child));
        self.word(END_NODE);
    }

    /// Where a property's name stands among the strings.
    fn string(&mut self, name: &str) -> u32 {
        let name = terminated(name);
        let known = self.strings.windows(name.len()).position(|known| known == name);
        known.unwrap_or_else(|| {
            self.strings.extend(&name);
            self.strings.len() - name.len()
        }) as u32
    }
}

/// A name ends with its first NUL.
fn terminated(name: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = name.bytes().take_while(|byte| *byte != 0).collect();
    bytes.push(0);
    bytes
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn wrong<T>(&self, expected: &'static str, got: Got) -> Result<T, FlatError> {
        Err(FlatError { at: self.at, expected, got })
    }

    fn take(&mut self, len_bytes: usize, expected: &'static str) -> Result<&'a [u8], FlatError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(taken) = rest.get(..len_bytes) else { return self.wrong(expected, Got::End) };
        self.at = (self.at + len_bytes).next_multiple_of(4);
        Ok(taken)
    }

    fn word(&mut self, expected: &'static str) -> Result<u32, FlatError> {
        let bytes = self.take(4, expected)?;
        Ok(bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)))
    }

    /// The next token that means something.
    fn next_token(&mut self, expected: &'static str) -> Result<(usize, u32), FlatError> {
        loop {
            let at = self.at;
            match self.word(expected)? {
                NOP => {}
                token => return Ok((at, token)),
            }
        }
    }

    fn token(&mut self, wanted: u32, expected: &'static str) -> Result<(), FlatError> {
        match self.next_token(expected)? {
            (_, token) if token == wanted => Ok(()),
            (at, token) => Err(FlatError { at, expected, got: Got::Number(token) }),
        }
    }

    /// Text up to its NUL.
    fn text(&mut self, expected: &'static str) -> Result<String, FlatError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(end) = rest.iter().position(|byte| *byte == 0) else {
            return self.wrong(expected, Got::End);
        };
        match core::str::from_utf8(&rest[..end]) {
            Ok(text) => {
                self.at = (self.at + end + 1).next_multiple_of(4);
                Ok(text.into())
            }
            Err(_) => self.wrong(expected, Got::NoText),
        }
    }

    /// The rest of a node whose beginning was read.
    fn node(&mut self, strings: &[u8], depth: usize) -> Result<Node, FlatError> {
        const NAME: &str = "a property's name";
        if depth > MAX_DEPTH {
            return self.wrong("the end of a node", Got::Depth);
        }
        let mut node = Node::new(self.text("a node's name")?);
        loop {
            let expected = "a property, or the beginning or the end of a node";
            match self.next_token(expected)? {
                (_, BEGIN_NODE) => node.children.push(self.node(strings, depth + 1)?),
                (_, END_NODE) => return Ok(node),
                (_, PROPERTY) => {
                    let len_bytes = self.word("a property's length")? as usize;
                    let at = self.at;
                    let name_at = self.word(NAME)? as usize;
                    let name = Reader { bytes: strings, at: name_at }.text(NAME);
                    let name = name.map_err(|e| FlatError { at, ..e })?;
                    let value = self.take(len_bytes, "a property's value")?;
                    node.properties.set(&name, value);
                }
                (at, token) => return Err(FlatError { at, expected, got: Got::Number(token) }),
            }
        }
    }
}
