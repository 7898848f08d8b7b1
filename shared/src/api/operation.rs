//! The description of one method of a path: an Operation Object (`OpenAPI` 3.1 §4.8.10).
use serde_json::{Map, Value, json};

/// A parameter's name, whether it is required, and its meaning.
pub type Field<'a> = (&'a str, bool, &'a str);

/// The name of a member of a JSON response, whether it is always present, and its type.
pub type Member<'a> = (&'a str, bool, Type<'a>);

#[derive(Clone, Copy, Debug)]
pub enum Type<'a> {
    Text,
    Texts,
    Number,
    Truth,
    /// An object with any members.
    Object,
    /// A list of objects with these members.
    Each(&'a [Member<'a>]),
}

#[derive(Clone, Debug)]
pub struct Operation {
    method: &'static str,
    told: Value,
}

impl Operation {
    #[must_use]
    pub fn get(summary: &str) -> Self {
        Self::new("get", summary)
    }

    #[must_use]
    pub fn post(summary: &str) -> Self {
        Self::new("post", summary)
    }

    #[must_use]
    pub fn put(summary: &str) -> Self {
        Self::new("put", summary)
    }

    #[must_use]
    pub fn delete(summary: &str) -> Self {
        Self::new("delete", summary)
    }

    fn new(method: &'static str, summary: &str) -> Self {
        let error = json!({"default": {"$ref": "#/components/responses/Error"}});
        Self { method, told: json!({"summary": summary, "parameters": [], "responses": error}) }
    }

    /// The group of the operation on the page.
    #[must_use]
    pub fn tag(self, tag: &str) -> Self {
        self.with("tags", json!([tag]))
    }

    #[must_use]
    pub fn description(self, text: &str) -> Self {
        self.with("description", json!(text))
    }

    #[must_use]
    pub fn query(self, fields: &[Field]) -> Self {
        self.parameters("query", fields)
    }

    #[must_use]
    pub fn headers(self, fields: &[Field]) -> Self {
        self.parameters("header", fields)
    }

    /// The fields of a form.
    #[must_use]
    pub fn form(self, fields: &[Field]) -> Self {
        self.takes("application/x-www-form-urlencoded", &object(fields))
    }

    #[must_use]
    pub fn takes(self, media_type: &str, schema: &Value) -> Self {
        self.with("requestBody", json!({"required": true, "content": {media_type: {"schema": schema}}}))
    }

    #[must_use]
    pub fn gives(mut self, status: u16, what: &str, media_type: &str, schema: &Value) -> Self {
        let answer = &mut self.told["responses"][status.to_string()];
        answer["description"] = json!(what);
        answer["content"][media_type] = json!({"schema": schema});
        self
    }

    /// A JSON response with these members; it may have others.
    #[must_use]
    pub fn tells(self, status: u16, what: &str, members: &[Member]) -> Self {
        self.gives(status, what, "application/json", &answer(members))
    }

    /// Makes the request body optional.
    #[must_use]
    pub fn or_nothing(mut self) -> Self {
        self.told["requestBody"]["required"] = json!(false);
        self
    }

    /// A response without content.
    #[must_use]
    pub fn answers(mut self, status: u16, what: &str) -> Self {
        self.told["responses"][status.to_string()] = json!({"description": what});
        self
    }

    /// Accepts one of these security schemes; an empty name means that none is needed, or that it is in the body.
    #[must_use]
    pub fn secured(self, schemes: &[&str]) -> Self {
        let one = |name: &&str| if name.is_empty() { json!({}) } else { json!({*name: []}) };
        self.with("security", schemes.iter().map(one).collect())
    }

    #[must_use]
    pub fn method(&self) -> &str {
        self.method
    }

    /// The Operation Object, with the path's parameters and an `operationId`.
    pub(super) fn told(&self, path: &str) -> Value {
        let mut told = self.told.clone();
        let named = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        let parameters = named.map(|name| parameter("path", &(name, true, "")));
        if let Some(all) = told["parameters"].as_array_mut() {
            all.extend(parameters);
        }
        let plain = |character: char| if character.is_ascii_alphanumeric() { character } else { '_' };
        told["operationId"] = json!(format!("{}{path}", self.method).chars().map(plain).collect::<String>());
        told
    }

    fn parameters(mut self, place: &str, fields: &[Field]) -> Self {
        if let Some(all) = self.told["parameters"].as_array_mut() {
            all.extend(fields.iter().map(|field| parameter(place, field)));
        }
        self
    }

    fn with(mut self, member: &str, value: Value) -> Self {
        self.told[member] = value;
        self
    }
}

fn parameter(place: &str, (name, required, description): &Field) -> Value {
    let schema = json!({"type": "string"});
    json!({"name": name, "in": place, "required": required, "description": description, "schema": schema})
}

fn answer(members: &[Member]) -> Value {
    let properties = members.iter().map(|(name, _, r#type)| ((*name).to_owned(), schema(*r#type)));
    required(properties.collect(), members.iter().filter(|(_, always, _)| *always).map(|(name, ..)| *name))
}

fn schema(r#type: Type) -> Value {
    match r#type {
        Type::Text => json!({"type": "string"}),
        Type::Texts => json!({"type": "array", "items": {"type": "string"}}),
        Type::Number => json!({"type": "integer"}),
        Type::Truth => json!({"type": "boolean"}),
        Type::Object => json!({"type": "object"}),
        Type::Each(members) => json!({"type": "array", "items": answer(members)}),
    }
}

/// The schema of an object or form whose members are strings.
#[must_use]
pub fn object(fields: &[Field]) -> Value {
    let properties = fields
        .iter()
        .map(|(name, _, description)| ((*name).to_owned(), json!({"type": "string", "description": description})));
    required(properties.collect(), fields.iter().filter(|(_, required, _)| *required).map(|(name, ..)| *name))
}

fn required<'a>(properties: Map<String, Value>, names: impl Iterator<Item = &'a str>) -> Value {
    let names = names.collect::<Vec<_>>();
    let mut schema = json!({"type": "object"});
    schema["properties"] = Value::Object(properties);
    if !names.is_empty() {
        schema["required"] = json!(names);
    }
    schema
}
