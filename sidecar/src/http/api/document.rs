//! The document that describes the API: OpenAPI 3.1, made from the routes.

use std::collections::BTreeMap;

use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{
    AdditionalProperties, Array, KnownFormat, Object, ObjectBuilder, Schema as Described, SchemaFormat,
    SchemaType, Type,
};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, Info, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Response,
    ResponseBuilder,
};

use super::once;
use super::route::{Answer, Method, Route};
use super::routes;
use super::schema::{Field, Of, Schema};
use crate::db::api::{Argument, Kind};

const PROBLEM: &str = "Problem";
const BEARER: &str = "bearer";
const DESCRIPTION: &str = "What a member of a workspace may do with Crier. Each route calls one function of the schema crier as its \
     caller: docs/api.md. Names are those of SQL.";
/// How a call may end besides well, and when.
const PROBLEMS: [(&str, &str); 11] = [
    ("400", "The body is no JSON object, or could not be read."),
    ("401", "There is no valid token or API key."),
    ("403", "The caller's role does not cover it."),
    ("404", "It is not there, or belongs to others."),
    ("409", "Others are at it, or it is there already. Try again."),
    ("413", "The body is too large."),
    ("415", "The body is not application/json."),
    ("422", "An argument is not acceptable."),
    ("429", "A limit is reached."),
    ("500", "Our fault: it stands in the log under its request_id."),
    ("503", "Not now."),
];

/// The document.
pub(super) fn document() -> OpenApi {
    let mut paths = PathsBuilder::new();
    let mut components = ComponentsBuilder::new().schema(PROBLEM, problem()).security_scheme(
        BEARER,
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build()),
    );
    let mut schemas = BTreeMap::new();
    for (tag, group) in routes::GROUPS {
        for route in group {
            paths = paths.path(route.path, PathItem::new(method(route.method), operation(tag, route)));
            if let Answer::Page(schema) | Answer::Rows(schema) | Answer::Row(schema) = route.answer {
                collect(schema, &mut schemas);
            }
        }
    }
    for (name, schema) in schemas {
        components = components.schema(name, object(schema));
    }
    let mut info = Info::new("Crier", env!("CARGO_PKG_VERSION"));
    info.description = Some(DESCRIPTION.into());
    OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components.build()))
        .security(Some([SecurityRequirement::new::<_, [&str; 0], &str>(BEARER, [])]))
        .build()
}

fn collect(schema: &'static Schema, schemas: &mut BTreeMap<&'static str, &'static Schema>) {
    schemas.insert(schema.name, schema);
    for field in schema.fields {
        if let Of::List(inner) = field.of {
            collect(inner, schemas);
        }
    }
}

fn method(method: Method) -> HttpMethod {
    match method {
        Method::Get => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
        Method::Patch => HttpMethod::Patch,
        Method::Put => HttpMethod::Put,
        Method::Delete => HttpMethod::Delete,
    }
}

fn operation(tag: &str, route: &Route) -> OperationBuilder {
    let mut operation = OperationBuilder::new()
        .tag(tag)
        .summary(Some(route.summary))
        .operation_id(Some(operation_id(route)))
        .request_body(body(route))
        .response(route.answer.status().to_string(), answer(route.answer));
    for argument in route.arguments().filter(|argument| route.in_path(argument)) {
        operation = operation.parameter(parameter(argument, ParameterIn::Path));
    }
    for argument in route.in_query() {
        operation = operation.parameter(parameter(argument, ParameterIn::Query));
    }
    if route.method == Method::Post {
        operation = operation.parameter(idempotency_key());
    }
    for (status, when) in PROBLEMS {
        let more = match (route.method, status) {
            (Method::Post, "409") => {
                " Also: a request with the same Idempotency-Key is under way, or what it was answered is not kept."
            }
            (Method::Post, "422") => " Also: the Idempotency-Key was used for another request.",
            _ => "",
        };
        operation = operation.response(status, in_words(&[when, more].concat()));
    }
    operation
}

fn idempotency_key() -> ParameterBuilder {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(once::MAX_KEY))
        .pattern(Some("^[!-~]([ -~]*[!-~])?$"));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "A name for this request: sent again within a day it is answered as before, and not done again.",
        ))
        .schema(Some(schema))
}

/// `get_v1_posts_post_id`: the method and the path, as a name.
fn operation_id(route: &Route) -> String {
    let path: String = route.path.chars().filter(|letter| !"{}".contains(*letter)).collect();
    format!("{:?}{}", route.method, path.replace(['/', '-'], "_")).to_lowercase()
}

fn parameter(argument: &Argument, place: ParameterIn) -> ParameterBuilder {
    let required = if argument.required { Required::True } else { Required::False };
    let parameter = ParameterBuilder::new().name(argument.name()).parameter_in(place).required(required);
    match argument.kind {
        // it is JSON inside a text
        Kind::Json => {
            let schema =
                ObjectBuilder::new().schema_type(Type::String).content_media_type("application/json");
            parameter.schema(Some(schema))
        }
        kind => parameter.schema(Some(value(kind, false))),
    }
}

fn body(route: &Route) -> Option<RequestBody> {
    let mut fields = ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(false)));
    let (mut any, mut required) = (false, false);
    for argument in route.in_body() {
        (any, required) = (true, required || argument.required);
        fields = fields.property(argument.name(), value(argument.kind, !argument.required));
        if argument.required {
            fields = fields.required(argument.name());
        }
    }
    let required = if required { Required::True } else { Required::False };
    let body = RequestBodyBuilder::new().required(Some(required));
    any.then(|| body.content("application/json", Content::new(Some(fields))).build())
}

fn answer(answer: Answer) -> Response {
    let listed =
        |items: RefOr<Described>| ObjectBuilder::new().property("data", Array::new(items)).required("data");
    let of = |schema: &Schema| RefOr::Ref(Ref::from_schema_name(schema.name));
    let named = |name: &str, kind, nullable| {
        closed(ObjectBuilder::new().property(name, value(kind, nullable)).required(name))
    };
    let (words, schema) = match answer {
        Answer::Page(schema) => {
            let page = listed(of(schema))
                .property("next_cursor", value(Kind::Text, true))
                .required("next_cursor")
                .property("has_more", value(Kind::Bool, false))
                .required("has_more");
            ("A page. Link: the next one.", closed(page))
        }
        Answer::Rows(schema) => ("All of them.", closed(listed(of(schema)))),
        Answer::Values(kind) => ("All of them.", closed(listed(value(kind, false)))),
        Answer::Row(schema) => ("What was asked for.", of(schema)),
        Answer::Value(name, kind) => ("What came of it.", named(name, kind, false)),
        Answer::Maybe(name, kind) => ("What there is.", named(name, kind, true)),
        Answer::Made(_) => ("It was made. Location: where it is.", named("id", Kind::Uuid, false)),
        Answer::Done => return Response::new("It was done."),
    };
    ResponseBuilder::new().description(words).content("application/json", Content::new(Some(schema))).build()
}

fn in_words(when: &str) -> Response {
    let problem = RefOr::<Described>::Ref(Ref::from_schema_name(PROBLEM));
    let content = Content::new(Some(problem));
    ResponseBuilder::new().description(when).content("application/problem+json", content).build()
}

fn closed(object: ObjectBuilder) -> RefOr<Described> {
    let closed = object.additional_properties(Some(AdditionalProperties::FreeForm(false)));
    RefOr::T(Described::Object(closed.build()))
}

fn object(schema: &Schema) -> RefOr<Described> {
    closed(schema.fields.iter().fold(ObjectBuilder::new(), |object, Field { name, of, nullable }| {
        let schema = match of {
            Of::A(kind) => value(*kind, *nullable),
            Of::List(inner) => {
                let items = RefOr::<Described>::Ref(Ref::from_schema_name(inner.name));
                RefOr::T(Described::Array(Array::new(items)))
            }
        };
        object.property(*name, schema).required(*name)
    }))
}

/// RFC 9457, with Crier's own members.
fn problem() -> RefOr<Described> {
    let text = || value(Kind::Text, false);
    let mut object = ObjectBuilder::new();
    for name in ["type", "title", "detail"] {
        object = object.property(name, text()).required(name);
    }
    object = object.property("status", value(Kind::Int, false)).required("status");
    for name in ["code", "hint", "request_id"] {
        object = object.property(name, text());
    }
    closed(object)
}

fn value(kind: Kind, nullable: bool) -> RefOr<Described> {
    let typed = |of: Type| match nullable {
        true => SchemaType::from_iter([of, Type::Null]),
        false => SchemaType::new(of),
    };
    let plain = |of: Type| Object::with_type(typed(of));
    let with = |of: Type, format: SchemaFormat| {
        let mut object = plain(of);
        object.format = Some(format);
        object
    };
    let known = SchemaFormat::KnownFormat;
    let list = |of: Kind| {
        let mut list = Array::new(value(of, false));
        list.schema_type = typed(Type::Array);
        RefOr::T(Described::Array(list))
    };
    let object = match kind {
        Kind::Bool => plain(Type::Boolean),
        Kind::Int => with(Type::Integer, known(KnownFormat::Int32)),
        Kind::Long => with(Type::Integer, known(KnownFormat::Int64)),
        Kind::Number => plain(Type::Number),
        Kind::Text | Kind::Interval | Kind::WallTime => plain(Type::String),
        Kind::Time => with(Type::String, known(KnownFormat::DateTime)),
        Kind::Uuid => with(Type::String, SchemaFormat::Custom("uuid".into())),
        Kind::Object => plain(Type::Object),
        Kind::Json => Object::with_type(SchemaType::any()),
        Kind::Array => {
            let mut list = Array::new(Object::with_type(SchemaType::any()));
            list.schema_type = typed(Type::Array);
            return RefOr::T(Described::Array(list));
        }
        Kind::Texts => return list(Kind::Text),
        Kind::Uuids => return list(Kind::Uuid),
    };
    RefOr::T(Described::Object(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = include_str!("../../../../docs/openapi.json");

    #[test]
    fn the_document_is_the_committed_one() {
        let text = document().to_pretty_json().unwrap() + "\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
        if std::env::var_os("CRIER_WRITE_GOLDEN").is_some() {
            std::fs::write(path, &text).unwrap();
            return;
        }
        let hint = "CRIER_WRITE_GOLDEN=1 cargo test -p crierd --lib the_document_is writes it";
        assert!(text == GOLDEN, "docs/openapi.json is not what the routes say: {hint}");
    }

    #[test]
    fn names_of_operations_are_there_once() {
        let ids: Vec<_> = routes::all().map(operation_id).collect();
        let unique: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len());
        assert!(ids.contains(&"get_v1_posts_post_id".into()), "{ids:?}");
    }
}
