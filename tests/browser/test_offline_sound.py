"""The kiosk page by sound."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from protocol.near_field import Kind, Offer
from terminal.offline.talking import Talk
from tests.browser import offline_kiosk
from tests.browser.browser import Visitor
from tests.browser.near import Near, SoundLink, bring_together
from tests.browser.offline_kiosk import Kiosk, NewVisitor

new_kiosk = offline_kiosk.new_kiosk


@pytest.fixture
def by_sound(new_visitor: NewVisitor) -> Callable[..., SoundLink]:
    """Return what puts a phone beside a kiosk that listens."""

    def link(kiosk: Kiosk, **air: Any) -> SoundLink:
        visitor = new_visitor()
        near = Near(visitor, **air)
        visitor.go("/kiosk")
        bring_together(near, kiosk.near)
        kiosk.page.get_by_label("Sound").check()
        return SoundLink(near.page)

    return link


def test_what_was_not_heard_is_said_again(
    new_kiosk: Callable[..., Kiosk], by_sound: Callable[..., SoundLink]
) -> None:
    kiosk = new_kiosk()
    link = by_sound(kiosk)
    hear, kiosk.near.on_said = kiosk.near.on_said, lambda _rate, _samples: None
    kiosk.start()
    again = kiosk.page.get_by_role("button", name="Say it again")
    expect(kiosk.page.get_by_text("Said: 1 of 1")).to_be_visible()
    kiosk.near.on_said = hear
    again.click()

    assert Offer(*Talk(link).hear(Kind.OFFER)[1]).title == "Dana's garden"


def test_in_real_time_a_full_frame_goes_through_speaker_air_and_microphone(
    new_kiosk: Callable[..., Kiosk], by_sound: Callable[..., SoundLink]
) -> None:
    kiosk = new_kiosk(in_time=True)
    link = by_sound(kiosk, in_time=True)
    SoundLink(kiosk.page)
    message, heard = bytes(range(100)), []
    for _ in range(TRIES):
        kiosk.page.evaluate(LISTEN)
        began = time.monotonic()
        link.send(message)
        # 111 bytes with their frame: four seconds of sound, if it is not cut short.
        assert time.monotonic() - began > 4
        heard = kiosk.page.evaluate("heard")
        if heard:
            break

    assert bytes(heard) == message


# What a machine is too busy to hear in time it never hears.
TRIES = 10
LISTEN = """() => {
  const heard = link.receive(AbortSignal.timeout(20000))
  window.heard = heard.then((message) => [...message], () => [])
}"""


CODEC = """async (sizes) => {
  const { Codec } = await import('/static/offline/codec.js')
  const heard = []
  const codec = new Codec(48000, (frame) => heard.push(frame), () => {})
  const ends = []
  for (const size of sizes) {
    const made = codec.encode(new Uint8Array(size).fill(7))
    ends.push(await made.then(() => 'made', (error) => error.name))
  }
  const sound = await codec.encode(new Uint8Array(111).fill(9))
  const whole = new Float32Array(sound.length + 48000)
  whole.set(sound)
  for (let at = 0; at + 4096 <= whole.length; at += 4096) codec.decode(whole.slice(at, at + 4096))
  for (let tries = 0; !heard.length && tries < 600; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  codec.close()
  ends.push(await codec.encode(new Uint8Array(1)).then(() => 'made', (error) => error.name))
  return [ends, heard.map((frame) => [...frame])]
}"""


def test_sound_recovers_after_frames_that_it_cannot_carry(visitor: Visitor) -> None:
    visitor.go("/kiosk")
    ends, heard = visitor.page.evaluate(CODEC, [141, 0, 141, 141, 500, 140])

    # The last one once it was closed.
    assert ends == ["CodecError"] * 5 + ["made", "CodecError"]
    assert heard == [[9] * 111]


LATE = """async () => {
  const { Air } = await import('/static/offline/air.js')
  let allow
  navigator.mediaDevices.getUserMedia = () => new Promise((resolve) => { allow = resolve })
  const air = new Air()
  const heard = air.listen(() => {}).then(() => 'heard', (error) => error.name)
  air.close()
  const { stream } = new AudioContext().createMediaStreamDestination()
  allow(stream)
  return [await heard, stream.getTracks().map(({ readyState }) => readyState)]
}"""


def test_a_microphone_that_is_allowed_too_late_is_given_back(visitor: Visitor) -> None:
    visitor.go("/kiosk")

    assert visitor.page.evaluate(LATE) == ["AirError", ["ended"]]


def test_what_evaluates_code_reaches_no_network(visitor: Visitor) -> None:
    page = visitor.go("/kiosk").headers
    worker = visitor.page.request.get("/offline/sound-worker.js").headers
    policy = worker["content-security-policy"]

    assert policy == "default-src 'none'; script-src 'self' 'unsafe-eval'"
    assert "'unsafe-eval'" not in page["content-security-policy"]
    assert "microphone=(self)" in page["permissions-policy"]
