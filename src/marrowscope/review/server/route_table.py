"""All routes of the interface, in the order in which they are described."""

from marrowscope.review.server import (
    exchange_routes,
    library_routes,
    people_routes,
    picture_routes,
    reading_routes,
    session_routes,
    signing_routes,
    smear_routes,
)
from marrowscope.review.server.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *session_routes.ENDPOINTS,
    *people_routes.ENDPOINTS,
    *smear_routes.ENDPOINTS,
    *library_routes.ENDPOINTS,
    *reading_routes.ENDPOINTS,
    *picture_routes.ENDPOINTS,
    *signing_routes.ENDPOINTS,
    *exchange_routes.ENDPOINTS,
)
