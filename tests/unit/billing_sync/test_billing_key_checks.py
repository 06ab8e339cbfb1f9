import pytest

from billing_sync.domain.key_checks import account_in_text, check_pair, parse_key

ONE, TWO = "51AAAAAAAAAAAAAAA", "51BBBBBBBBBBBBBBB"
SECRET = f"sk_test_{ONE}xyzxyzxyz"
PUBLISHABLE = f"pk_test_{ONE}abcabcabc"


def test_a_pair_of_one_account_passes() -> None:
    assert check_pair(SECRET, PUBLISHABLE) is None
    assert check_pair(f"rk_test_{ONE}xyzxyzxyz", PUBLISHABLE) is None


@pytest.mark.parametrize(
    ("secret", "publishable", "problem"),
    [
        (PUBLISHABLE, PUBLISHABLE, "stripe-key-invalid"),
        (SECRET, SECRET, "stripe-key-invalid"),
        ("sk_test_", PUBLISHABLE, "stripe-key-invalid"),
        (SECRET + "\n", PUBLISHABLE, "stripe-key-invalid"),
        (SECRET.replace("test", "live"), PUBLISHABLE, "stripe-keys-different-modes"),
        (SECRET, f"pk_test_{TWO}abcabcabc", "stripe-keys-different-accounts"),
    ],
)
def test_a_wrong_pair_is_named(secret: str, publishable: str, problem: str) -> None:
    found = check_pair(secret, publishable)
    assert found is not None
    assert found.name == problem


def test_old_keys_carry_no_account_and_are_compared_at_stripe() -> None:
    old = "pk_test_oldoldoldold"
    parsed = parse_key(old)
    assert parsed is not None
    assert parsed.fragment is None
    assert check_pair(SECRET, old) is None


def test_a_refusal_names_the_account() -> None:
    assert account_in_text("The key rk_*** cannot read account 'acct_1Abc'.") == "acct_1Abc"
    assert account_in_text("nothing") is None
