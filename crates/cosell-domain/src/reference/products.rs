//! AWS's products that an opportunity can be associated with: AWS's published list, which an operator can extend.

use std::collections::HashMap;
use std::sync::LazyLock;

/// One AWS product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// The identifier on the wire, such as `AmazonEC2Linux`.
    pub identifier: String,
    /// The product's name.
    pub name: String,
    /// The family it is listed under.
    pub family: String,
}

static PUBLISHED: LazyLock<HashMap<&'static str, Product>> = LazyLock::new(|| {
    include_str!("../../data/aws-products.tsv")
        .lines()
        .filter_map(|line| {
            let mut cells = line.split('\t');
            let identifier = cells.next().filter(|cell| !cell.is_empty())?;
            let product = Product {
                identifier: identifier.to_owned(),
                name: cells.next()?.to_owned(),
                family: cells.next()?.to_owned(),
            };
            Some((identifier, product))
        })
        .collect()
});

/// The products known to a server.
#[derive(Debug, Clone, Default)]
pub struct Products {
    additional: HashMap<String, Product>,
}

impl Products {
    /// AWS's published list and nothing else.
    pub fn published() -> Self {
        Self::default()
    }

    /// The published list and more.
    pub fn with(additional: impl IntoIterator<Item = Product>) -> Self {
        Self {
            additional: additional
                .into_iter()
                .map(|product| (product.identifier.clone(), product))
                .collect(),
        }
    }

    /// The product of that exact identifier.
    pub fn get(&self, identifier: &str) -> Option<&Product> {
        PUBLISHED
            .get(identifier)
            .or_else(|| self.additional.get(identifier))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_list_is_whole_and_can_be_extended() {
        assert_eq!(PUBLISHED.len(), 522);
        let products = Products::published();
        assert!(products.get("AmazonEC2Linux").is_some());
        assert!(products.get("amazonec2linux").is_none());
        let own = Product {
            identifier: "OwnThing".into(),
            name: "Own".into(),
            family: "Own".into(),
        };
        assert!(Products::with([own]).get("OwnThing").is_some());
    }
}
