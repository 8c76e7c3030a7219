//! Change templates: parser, linter and interpreter.
