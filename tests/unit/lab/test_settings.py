"""Settings are checked where they are read, and a wrong one is named."""

from __future__ import annotations

import pytest

from lab.course.names import Names, names, tag_list, tags
from lab.errors import SettingsError
from lab.here import settings
from lab.here.own_cloud import environment


def test_unless_set_everything_is_local() -> None:
    found = settings.load({})
    assert (found.target, found.prefix, found.region) == ("local", "", "us-east-1")
    assert found.email == "fulfillment@example.com"
    assert found.endpoint_url is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LAB_TARGET", "amazon"),
        ("AWS_REGION", "us east"),
        ("AWS_REGION", "nowhere"),
        ("AWS_REGION", "us-esat-1"),
        ("AWS_DEFAULT_REGION", "us-esat-1"),
        ("AWS_REGION", "us-gov-west-1"),
        ("AWS_DEFAULT_REGION", "cn-north-1"),
        ("LAB_TARGET", "AWS"),
        ("LAB_PREFIX", "ana_"),
        ("LAB_PREFIX", "-ana"),
        ("LAB_PREFIX", "a" * 21),
        ("LAB_PREFIX", "ana maria"),
        ("LAB_EMAIL", "ana"),
        ("LAB_EMAIL", "ana@nowhere"),
        ("LAB_EMAIL", "a b@example.com"),
        ("LAB_PORT", "tea"),
        ("LAB_PORT", "0"),
        ("LAB_PORT", "٨٠٨٠"),
        ("LAB_PORT", "70000"),
        ("AWS_ENDPOINT_URL", "nonsense"),
        ("AWS_ENDPOINT_URL", "http://[::1"),
        ("AWS_ENDPOINT_URL", "http://ex ample:80"),
        ("AWS_ENDPOINT_URL", "http://a_b:80"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:4510?x=y"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:4510/#x"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:abc"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:70000"),
        ("AWS_ENDPOINT_URL", "ftp://127.0.0.1:4510"),
        ("AWS_ENDPOINT_URL", "https://sqs.us-east-1.amazonaws.com"),
        ("AWS_ENDPOINT_URL", "https://lambda.us-east-1.api.aws"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as error:
        settings.load({variable: value})
    assert variable in str(error.value)
    assert str(error.value).startswith(f"{variable} is {value!r}")


def test_a_login_in_an_address_is_refused_and_not_shown() -> None:
    """boto3 would take it, but nothing else that talks to the local cloud."""
    with pytest.raises(SettingsError, match=r"^AWS_ENDPOINT_URL is 'http://127\.0") as it:
        settings.load({"AWS_ENDPOINT_URL": "http://ana:s3cret@127.0.0.1:4510"})
    assert "s3cret" not in str(it.value)


@pytest.mark.parametrize("url", ["http://[::1]:4510", "https://cloud.example:4566/path"])
def test_an_address_of_another_cloud_is_taken(url: str) -> None:
    assert settings.load({"AWS_ENDPOINT_URL": url}).endpoint_url == url


def test_a_region_of_another_partition_is_refused_for_what_it_is() -> None:
    with pytest.raises(SettingsError, match=r"us-gov-west-1.* in the partition aws-us-gov"):
        settings.load({"AWS_REGION": "us-gov-west-1", "LAB_TARGET": "aws"})


@pytest.mark.parametrize("region", ["eu-central-1", "ap-southeast-3", "mx-central-1"])
def test_the_region_that_boto3_would_take_counts(region: str) -> None:
    assert settings.load({"AWS_REGION": region}).region == region
    assert settings.load({"AWS_DEFAULT_REGION": region}).region == region
    assert settings.load({"AWS_REGION": region, "AWS_DEFAULT_REGION": "x"}).region == region


def test_an_empty_setting_counts_as_not_set() -> None:
    names = ("LAB_TARGET", "LAB_PREFIX", "LAB_EMAIL", "LAB_PORT", "AWS_REGION", "AWS_ENDPOINT_URL")
    assert settings.load(dict.fromkeys(names, "")) == settings.load({})


def test_on_aws_the_address_has_to_be_given_where_it_is_used() -> None:
    assert settings.load({"LAB_TARGET": "aws"}).email is None
    with environment(LAB_TARGET="aws"), pytest.raises(SettingsError, match="LAB_EMAIL is not set"):
        settings.email()


def every_name(of: Names) -> list[str]:
    """All that is a name of some thing."""
    found = {getattr(of, each) for each, what in vars(Names).items() if isinstance(what, property)
             if each not in ("functions", "dead_letters", "tags")}  # fmt: skip
    assert len(found) == 12  # of 14 things: topic, table and API share one
    return sorted(found)


def test_a_prefix_stands_before_every_name() -> None:
    found = names(settings.load({"LAB_PREFIX": "ana"}).prefix)
    assert found.take_order == "ana-take_order"
    assert all(name.startswith("ana-") for name in every_name(found))
    assert all(found.stem(name) == names("").stem(name[4:]) for name in every_name(found))
    assert names("").queue == "CustomerOrders"


def test_every_name_fits_into_aws_even_with_the_longest_prefix() -> None:
    found = names(settings.load({"LAB_PREFIX": "a" * 20}).prefix)
    assert max(len(found.role(function, "ap-southeast-1")) for function in found.functions) <= 64
    assert max(map(len, every_name(found))) <= 64


def test_the_tags_tell_learners_apart() -> None:
    assert tags("ana-") != tags("bo-")
    assert {pair["Key"]: pair["Value"] for pair in tag_list("ana-")} == tags("ana-")
