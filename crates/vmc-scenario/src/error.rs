//! What is wrong with a scenario file, where, and what to do.

use super::Source;
use miette::{Diagnostic, LabeledSpan, SourceCode};
use std::fmt;
use std::ops::Range;

/// A mistake in a scenario file or an inventory. Its `Display` is one line that an editor can jump to: file, line, column,
/// message, remedy; as a [`Diagnostic`] it shows the text around it, with the remedy beside the mistake.
#[derive(Clone, Debug)]
pub struct ScenarioError {
    file: String,
    /// From 1; 0 when the file could not be read.
    line: usize,
    column: usize,
    message: String,
    remedy: String,
    span: Range<usize>,
    /// Boxed, so that errors stay small to hand on.
    source: Option<Box<miette::NamedSource<String>>>,
}

/// A mistake before it is known which file it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    span: Range<usize>,
    message: String,
    remedy: String,
}

impl Problem {
    pub(crate) fn new(
        span: Range<usize>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Problem {
        Problem { span, message: message.into(), remedy: remedy.into() }
    }

    pub(crate) fn at(self, source: &Source) -> ScenarioError {
        let (line, column) = position(&source.text, self.span.start);
        ScenarioError {
            file: source.file.clone(),
            line,
            column,
            message: self.message,
            remedy: self.remedy,
            span: self.span,
            source: Some(Box::new(miette::NamedSource::new(&source.file, source.text.to_string()))),
        }
    }
}

impl ScenarioError {
    /// One about a file as a whole.
    pub(crate) fn of_file(file: &str, message: String, remedy: &str) -> ScenarioError {
        ScenarioError {
            file: file.to_owned(),
            line: 0,
            column: 0,
            message,
            remedy: remedy.to_owned(),
            span: 0..0,
            source: None,
        }
    }

    /// Name of the file, as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Line of the mistake, from 1; 0 when the file could not be read.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Column of the mistake in characters, from 1; 0 when the file could not be read.
    pub fn column(&self) -> usize {
        self.column
    }

    /// What was wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

/// Line and column of an offset, from 1; columns count characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[start..].chars().count() + 1)
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ScenarioError { file, line, column, message, remedy, .. } = self;
        match line {
            0 => write!(f, "{file}: {message}; {remedy}"),
            _ => write!(f, "{file}:{line}:{column}: {message}; {remedy}"),
        }
    }
}

impl std::error::Error for ScenarioError {}

impl Diagnostic for ScenarioError {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_deref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.source.as_ref()?;
        let label = LabeledSpan::new_with_span(Some(self.remedy.clone()), self.span.clone());
        Some(Box::new(std::iter::once(label)))
    }
}
