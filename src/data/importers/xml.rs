//! Just enough XML for annotation files: elements and their text. Attributes are passed over, nothing outside the file is
//! ever read, and depth and size have limits.

/// An element.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Element {
    /// Its name.
    pub name: String,
    /// The text directly in it, without the white space around.
    pub text: String,
    /// The elements directly in it.
    pub children: Vec<Self>,
    /// The line on which it begins, counted from 1.
    pub line: usize,
}

/// Elements within elements that are followed.
const DEEPEST: usize = 64;

impl Element {
    /// The first child of that name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of that name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child of that name.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str()).filter(|text| !text.is_empty())
    }

    /// The same as a number.
    pub(super) fn number_of(&self, name: &str) -> Option<f64> {
        self.text_of(name)?.parse().ok().filter(|number: &f64| number.is_finite())
    }
}

/// Reads a file's text. The error is a sentence part for people.
pub(super) fn parse(text: &str) -> Result<Element, String> {
    let mut open: Vec<Element> = vec![Element::default()];
    let mut rest = text.trim_start_matches('\u{feff}');
    let mut line = 1;
    while let Some(start) = rest.find('<') {
        let (before, tag) = rest.split_at(start);
        if let Some(element) = open.last_mut() {
            element.text.push_str(&decoded(before));
        }
        line += lines(before);
        let (end, skipped) = if let Some(inside) = tag.strip_prefix("<!--") {
            (inside.find("-->").map(|at| at + 7), true)
        } else if tag.starts_with("<![CDATA[") {
            return Err(format!("line {line} holds a CDATA section, which annotations do not need"));
        } else {
            (tag.find('>').map(|at| at + 1), tag.starts_with("<?") || tag.starts_with("<!"))
        };
        let end = end.ok_or_else(|| format!("the tag that begins on line {line} does not end"))?;
        let (tag, behind) = tag.split_at(end);
        if !skipped {
            let inside = tag.trim_start_matches('<').trim_end_matches('>').trim();
            if let Some(name) = inside.strip_prefix('/') {
                close(&mut open, name.trim(), line)?;
            } else {
                let is_empty = inside.ends_with('/');
                let name = inside.trim_end_matches('/').split_whitespace().next().unwrap_or_default();
                if name.is_empty() {
                    return Err(format!("line {line} has a tag without a name"));
                }
                if open.len() > DEEPEST {
                    return Err(format!("line {line} is {DEEPEST} elements deep, and no annotation needs that"));
                }
                open.push(Element { name: name.to_owned(), line, ..Element::default() });
                if is_empty {
                    close(&mut open, name, line)?;
                }
            }
        }
        line += lines(tag);
        rest = behind;
    }
    if let [_, .., last] = open.as_slice() {
        return Err(format!("the element '{}' of line {} is not closed", last.name, last.line));
    }
    let root = open.pop().and_then(|top| top.children.into_iter().next());
    root.ok_or_else(|| "it holds no XML element".to_owned())
}

fn lines(text: &str) -> usize {
    text.matches('\n').count()
}

fn close(open: &mut Vec<Element>, name: &str, line: usize) -> Result<(), String> {
    if open.len() < 2 || open.last().is_none_or(|element| element.name != name) {
        let expected = open.last().map_or("", |element| element.name.as_str());
        return Err(format!("line {line} closes '{name}', but '{expected}' is open"));
    }
    let Some(mut done) = open.pop() else { return Ok(()) };
    done.text = String::from(done.text.trim());
    if let Some(parent) = open.last_mut() {
        parent.children.push(done);
    }
    Ok(())
}

/// Text with the five named entities replaced; others stay as they are.
fn decoded(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    plain.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_texts_and_lines() {
        let text =
            "\u{feff}<?xml version=\"1.0\"?>\n<!-- <no> -->\n<a id='1'>\n <b> x &amp;lt; y </b><c/>\n <b>2.5</b></a>\n";
        let root = parse(text).unwrap();
        assert_eq!((root.name.as_str(), root.line, root.children.len()), ("a", 3, 3));
        assert_eq!(root.text_of("b"), Some("x &lt; y"));
        assert_eq!(root.all("b").last().and_then(|_| root.children[2].text.parse().ok()), Some(2.5));
        assert_eq!((root.text_of("c"), root.number_of("b")), (None, None));
    }

    #[test]
    fn what_is_broken_is_told_with_its_line() {
        let error = |text: &str| parse(text).unwrap_err();
        assert_eq!(error("<a>\n<b></a>"), "line 2 closes 'a', but 'b' is open");
        assert_eq!(error("<a>\n<b>"), "the element 'b' of line 2 is not closed");
        assert_eq!(error("<a"), "the tag that begins on line 1 does not end");
        assert_eq!(error("plain"), "it holds no XML element");
        assert_eq!(error("</a>"), "line 1 closes 'a', but '' is open");
        assert!(error(&"<a>".repeat(1000)).contains("64 elements deep"));
    }
}
