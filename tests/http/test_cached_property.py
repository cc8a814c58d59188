"""Attributes that are computed when they are first read."""

from __future__ import annotations

from microfn.http.cached_property import cached_property, default_property


class Square:
    def __init__(self, side):
        self.side = side
        self.count = 0

    @cached_property
    def area(self):
        """The area."""
        self.count += 1
        return self.side**2


def test_attribute_is_computed_once_when_it_is_read():
    square = Square(3)
    assert square.count == 0
    assert (square.area, square.area, square.count) == (9, 9, 1)


def test_attribute_is_of_one_object():
    assert (Square(2).area, Square(3).area) == (4, 9)


def test_attribute_may_be_assigned_and_deleted():
    square = Square(3)
    square.area = 7
    assert (square.area, square.count) == (7, 0)
    del square.area
    assert (square.area, square.count) == (9, 1)


def test_class_shows_the_property_and_its_docstring():
    assert isinstance(Square.area, cached_property)
    assert Square.area.__doc__ == "The area."


def test_default_is_computed_each_time_until_it_is_assigned():
    class Circle:
        radius = 1

        @default_property
        def area(self):
            """The area."""
            return 3 * self.radius**2

    circle = Circle()
    assert (circle.area, vars(circle)) == (3, {})
    circle.radius = 2
    assert circle.area == 12
    circle.area = 7
    assert circle.area == 7
    del circle.area
    assert circle.area == 12
    assert Circle.area.__doc__ == "The area."
