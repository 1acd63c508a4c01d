"""The ways of proving a billing request: a new one is a module here and a line below."""

from billing.packages.services.strategies.base import Strategy
from billing.packages.services.strategies.captcha import Captcha
from billing.packages.services.strategies.direct_sms import DirectSms
from billing.packages.services.strategies.online import Online
from billing.packages.services.strategies.passkey import Passkey
from billing.packages.services.strategies.payment_password import PaymentPassword
from billing.packages.services.strategies.sms_code import SmsCode
from billing.packages.services.strategies.token import Token

DIRECT_SMS = DirectSms()
CAPTCHA = Captcha()
SMS_CODE = SmsCode()
PAYMENT_PASSWORD = PaymentPassword()
ONLINE = Online()
TOKEN = Token()
PASSKEY = Passkey()

# From the least strict on; of one rank, the one goes first that is offered first.
REGISTRY: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        DIRECT_SMS,
        CAPTCHA,
        SMS_CODE,
        PAYMENT_PASSWORD,
        ONLINE,
        PASSKEY,
        TOKEN,
    )
}

__all__ = [
    "CAPTCHA",
    "DIRECT_SMS",
    "ONLINE",
    "PASSKEY",
    "PAYMENT_PASSWORD",
    "REGISTRY",
    "SMS_CODE",
    "TOKEN",
    "Strategy",
]
