"""Which engine and node image a cluster is made with: one rule, with its reason."""

from localkind.choice import choose


def test_no_engine_is_replaced_by_one_made_here() -> None:
    choice = choose(engine_answers=False, image_present=False, pull=lambda: False)
    assert choice.local
    assert choice.reason == "no Docker engine answers here"


def test_an_engine_with_the_image_is_used_without_asking_a_registry() -> None:
    def must_not_be_asked() -> bool:
        raise AssertionError("asked a registry")

    assert not choose(engine_answers=True, image_present=True, pull=must_not_be_asked).local


def test_an_engine_that_can_pull_is_used() -> None:
    assert not choose(engine_answers=True, image_present=False, pull=lambda: True).local


def test_an_engine_without_a_registry_is_left_alone() -> None:
    choice = choose(engine_answers=True, image_present=False, pull=lambda: False)
    assert choice.local
    assert "can't pull" in choice.reason
