//! Properties that cut across the product.

mod layers;
mod settings;
mod source;
