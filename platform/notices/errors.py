"""Why an endpoint is refused."""

from common.errors import DomainError


class WebhookUrlInvalidError(DomainError):
    """The address may not be told of events."""

    code = "webhook_url_invalid"
    status = 422
    title = "A webhook goes to an https address with a public name, at most 400 characters."


class WebhookKnownError(DomainError):
    """There is an endpoint of this address already."""

    code = "webhook_known"
    status = 409
    title = "There is a webhook to this address already."


class TooManyWebhooksError(DomainError):
    """A holder has ten endpoints at most."""

    code = "too_many_webhooks"
    status = 409
    title = "You have ten webhooks already; remove one first."
