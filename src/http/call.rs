//! Calls: the adapter that turns an actix route into a call of a handler of a family.

use std::future::Future;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Route, web};

/// A request that a family has accepted: authenticated, permitted and read.
pub(crate) trait Call: Sized + 'static {
    /// What the endpoint table says about the route.
    type Context: Clone + 'static;
    /// The error of the family.
    type Error;

    /// Authenticates and authorizes a request, and reads what its handler needs.
    ///
    /// # Errors
    /// The error of the family, recorded where the request is authenticated.
    fn accept(
        http: HttpRequest,
        payload: Payload,
        context: Self::Context,
    ) -> impl Future<Output = Result<Self, Self::Error>>;

    /// Renders an error.
    fn respond(error: &Self::Error, context: &Self::Context) -> HttpResponse;
}

/// Creates the actix route of a handler: the request is accepted before the handler has it, and an error is rendered.
pub(crate) fn route<C, H, F>(context: C::Context, handler: H) -> Route
where
    C: Call,
    H: Fn(C) -> F + Clone + 'static,
    F: Future<Output = Result<HttpResponse, C::Error>> + 'static,
{
    web::to(move |http: HttpRequest, payload: web::Payload| {
        let (context, handler) = (context.clone(), handler.clone());
        async move {
            let answered = match C::accept(http, payload.into_inner(), context.clone()).await {
                Ok(call) => handler(call).await,
                Err(error) => Err(error),
            };
            answered.unwrap_or_else(|error| C::respond(&error, &context))
        }
    })
}

/// Returns the only variable part of the path, decoded; `None` without one, or if it is not UTF-8 and so names nothing.
pub(crate) fn path_key(http: &HttpRequest) -> Option<String> {
    let path = web::Path::<String>::from_request(http, &mut Payload::None).into_inner();
    path.ok().map(web::Path::into_inner)
}
