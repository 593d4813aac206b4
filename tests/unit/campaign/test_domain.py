"""The default campaign (S72)."""

from services.campaign.domain import DEFAULT_OFFER


def test_the_default_is_safe_for_a_merchant_who_never_looked() -> None:
    """A coupon that costs less than what it asks for, draws beyond the device's own, and no
    goods that the shop has not promised."""
    assert 0 < DEFAULT_OFFER.coupon_value_fen < DEFAULT_OFFER.coupon_threshold_fen
    assert DEFAULT_OFFER.draws_per_payment == 3
    assert {prize.kind for prize in DEFAULT_OFFER.prizes} == {"points"}
    assert all(prize.points > 0 and prize.weight > 0 for prize in DEFAULT_OFFER.prizes)


def test_the_default_speaks_both_languages() -> None:
    chinese = [DEFAULT_OFFER.title, DEFAULT_OFFER.coupon_title]
    english = [DEFAULT_OFFER.title_en, DEFAULT_OFFER.coupon_title_en]
    chinese += [prize.name for prize in DEFAULT_OFFER.prizes]
    english += [prize.name_en for prize in DEFAULT_OFFER.prizes]
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in text) for text in chinese)
    assert all(text.isascii() for text in english)
