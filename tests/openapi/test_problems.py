"""The problem details that are sent, and those that are documented."""

from __future__ import annotations

import jsonschema
import pytest

from microfn import InvalidData, Router
from microfn.openapi.problems import Problems, phrase
from microfn.openapi.schemas import Schemas


@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "BadRequest"), (404, "NotFound"), (413, "RequestEntityTooLarge"), (422, "UnprocessableEntity")],
)
def test_a_status_is_one_component(status, name):
    problems = Problems(Schemas())
    assert problems.response(status) == problems.response(status) == {"$ref": f"#/components/responses/{name}"}
    assert list(problems.components) == [name]
    assert problems.components[name]["description"] == f"{phrase(status)}."


@pytest.mark.parametrize(("error", "status"), [(InvalidData("Wrong.", path=["a", 0]), 422), (None, 404)])
def test_a_problem_that_is_sent_is_as_documented(error, status):
    app = Router()

    @app.get("/x")
    def fail(request, params):
        raise error

    schemas = Schemas()
    content = Problems(schemas).invalid_data() if error else Problems(schemas).content()
    sent = app.test_client().get("/x" if error else "/y")
    assert sent.status_code == status
    schema = schemas.resolve(content[sent.mimetype]["schema"])
    jsonschema.validate(sent.json, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**sent.json, "status": "404"}, schema)
    assert {app.test_client().get("/y", headers={"Accept": one}).mimetype for one in content} == set(content)


def test_a_type_of_the_application_keeps_its_name_beside_problem():
    schemas = Schemas()
    assert schemas.add("Problem", {"type": "string"}) == {"$ref": "#/components/schemas/Problem"}
    content = Problems(schemas).content()["application/problem+json"]
    assert content == {"schema": {"$ref": "#/components/schemas/Problem_2"}}
