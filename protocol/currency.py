"""Currencies of ISO 4217 and their exponents, pinned with the format version."""

# Digits after the decimal mark; funds, metals and test codes are left out.
_CODES_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD "
        "CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
        "GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL "
        "MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN "
        "PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP "
        "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
}
EXPONENTS = {
    code: exponent for exponent, codes in _CODES_BY_EXPONENT.items() for code in codes.split()
}


def format_amount(amount: int, currency: str) -> str:
    """Write minor units as people read them, without grouping.

    >>> format_amount(1250, "EUR"), format_amount(5, "JPY"), format_amount(7, "KWD")
    ('12.50 EUR', '5 JPY', '0.007 KWD')
    """
    exponent = EXPONENTS[currency]
    digits = str(amount).zfill(exponent + 1)
    whole, minor = digits[: len(digits) - exponent], digits[len(digits) - exponent :]
    return f"{whole}.{minor} {currency}" if exponent else f"{whole} {currency}"
