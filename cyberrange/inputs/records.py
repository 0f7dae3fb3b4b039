"""What every record has in common, and the small records that all files share."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator
from pydantic.annotated_handlers import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from cyberrange.inputs.quantities import Hours, Text


class Record(BaseModel):
    """A frozen record that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Source(Record):
    """Where a figure comes from and how sure it is."""

    text: Text
    """The publication, or the reasoning behind an assumption."""
    year: Annotated[int, Field(ge=1900, le=2100)] | None = None
    """Year of the figure."""
    confidence: Literal["high", "medium", "low", "assumption"] = "medium"
    """`high`: read in a primary source; `medium`: read in press or a secondary source; `low`: a survey, a vendor's
    figure or memory; `assumption`: our own modelling choice."""


class Exponential(Record):
    """Memoryless, with the given mean."""

    mean: Hours


class Lognormal(Record):
    """Lognormal, given by its median and its 90th percentile."""

    median: Hours
    p90: Hours

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not 0 < self.median <= self.p90:
            raise ValueError("a lognormal needs 0 < median <= p90")
        return self


class Triangular(Record):
    """Triangular between low and high."""

    low: Hours
    mode: Hours
    high: Hours

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low <= self.mode <= self.high:
            raise ValueError("a triangular needs low <= mode <= high")
        return self


class Uniform(Record):
    """Equally likely between low and high."""

    low: Hours
    high: Hours

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise ValueError("a uniform needs low <= high")
        return self


class Weibull(Record):
    """Weibull with a scale and a shape."""

    scale: Hours
    shape: Annotated[float, Field(gt=0, le=20)]


class Empirical(Record):
    """Piecewise linear through equally spaced quantiles, from the minimum to the maximum."""

    quantiles: Annotated[tuple[Hours, ...], Field(min_length=2, max_length=1000)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if any(a > b for a, b in zip(self.quantiles, self.quantiles[1:], strict=False)):
            raise ValueError("quantiles must not fall")
        return self


class Duration(Record):
    """How long something takes: a fixed time (``4 h``) or one distribution.

    Examples
    --------
    >>> Duration.model_validate("4 h").fixed
    4.0
    >>> Duration.model_validate({"lognormal": {"median": "4 h", "p90": "12 h"}}).lognormal.p90
    12.0
    """

    fixed: Hours | None = None
    exponential: Exponential | None = None
    lognormal: Lognormal | None = None
    triangular: Triangular | None = None
    uniform: Uniform | None = None
    weibull: Weibull | None = None
    empirical: Empirical | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        return {"fixed": value} if isinstance(value, str | int | float) else value

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"a duration is one of: {', '.join(type(self).model_fields)}")
        return self

    @model_serializer(mode="wrap")
    def _to_text(self, write: Any) -> Any:
        values = {key: value for key, value in write(self).items() if value is not None}
        return values["fixed"] if self.fixed is not None else values

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Allow the short form in editors as well."""
        return {"anyOf": [{"type": "string", "description": "a fixed duration, such as '4 h'"}, handler(schema)]}


class WeekHours(Record):
    """Some hours of some days of the week, in the city's local time."""

    days: Literal["all", "weekdays", "mon-sat", "weekend"] = "all"
    """Which days."""
    start: Annotated[float, Field(ge=0, le=24)] = 0.0
    """Hour of the day at which it begins (9.5 is half past nine)."""
    end: Annotated[float, Field(ge=0, le=24)] = 24.0
    """Hour of the day at which it ends; before `start` it runs past midnight."""
