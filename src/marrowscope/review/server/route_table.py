"""All routes of the interface, in the order in which they are described."""

from marrowscope.review.server import (
    picture_routes,
    reading_routes,
    session_routes,
    smear_routes,
)
from marrowscope.review.server.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *session_routes.ENDPOINTS,
    *smear_routes.ENDPOINTS,
    *reading_routes.ENDPOINTS,
    *picture_routes.ENDPOINTS,
)
