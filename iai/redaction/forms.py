"""Secrets that are known by their form: tokens with a prefix, JWTs, URLs, headers, commands."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from iai.redaction.candidates import Run
from iai.redaction.finding import BY_FORM, Finding
from iai.redaction.randomness import is_placeholder, is_random

# The beginnings of tokens, with the kind of each. A longer one comes before what it begins with.
_PREFIXES = {
    "AKIA": "aws-key", "ASIA": "aws-key", "ABIA": "aws-key", "ACCA": "aws-key",
    "github_pat_": "github-token", "ghp_": "github-token", "gho_": "github-token",
    "ghu_": "github-token", "ghs_": "github-token", "ghr_": "github-token",
    "glpat-": "gitlab-token", "gldt-": "gitlab-token", "glrt-": "gitlab-token",
    "glcbt-": "gitlab-token", "glptt-": "gitlab-token", "glft-": "gitlab-token",
    "glsoat-": "gitlab-token", "glagent-": "gitlab-token", "gloas-": "gitlab-token",
    "ATATT3": "atlassian-token", "ATCTT3": "atlassian-token", "ATBB": "bitbucket-token",
    "BBDC-": "bitbucket-token", "xoxb-": "slack-token", "xoxp-": "slack-token",
    "xoxa-": "slack-token", "xoxe-": "slack-token", "xoxo-": "slack-token",
    "xoxr-": "slack-token", "xoxs-": "slack-token", "xoxc-": "slack-token",
    "xoxd-": "slack-token", "xapp-": "slack-token",
    "sk_live_": "stripe-key", "sk_test_": "stripe-key", "rk_live_": "stripe-key",
    "rk_test_": "stripe-key", "whsec_": "webhook-secret", "sq0atp-": "square-token",
    "sq0csp-": "square-token", "EAAAE": "square-token", "rzp_live_": "razorpay-key",
    "rzp_test_": "razorpay-key", "shpat_": "shopify-token", "shpca_": "shopify-token",
    "shppa_": "shopify-token", "shpss_": "shopify-token", "sk-ant-": "anthropic-key",
    "sk-or-": "openrouter-key", "sk-": "openai-key", "sess-": "openai-key",
    "AIza": "google-key", "GOCSPX-": "google-secret", "hf_": "huggingface-token",
    "gsk_": "groq-key", "xai-": "xai-key", "r8_": "replicate-token", "pplx-": "perplexity-key",
    "nvapi-": "nvidia-key", "fw_": "fireworks-key", "tgp_v1_": "together-key", "jina_": "jina-key",
    "lsv2_pt_": "langsmith-key", "lsv2_sk_": "langsmith-key", "npm_": "npm-token",
    "pypi-": "pypi-token", "rubygems_": "rubygems-key", "dckr_pat_": "docker-token",
    "dckr_oat_": "docker-token", "oy2": "nuget-key", "crates_": "crates-token",
    "dop_v1_": "digitalocean-token", "doo_v1_": "digitalocean-token",
    "dor_v1_": "digitalocean-token", "HRKU-": "heroku-key", "dapi": "databricks-token",
    "pscale_": "planetscale-token", "sbp_": "supabase-token", "sb_secret_": "supabase-key",
    "lin_api_": "linear-key", "lin_oauth_": "linear-key", "ntn_": "notion-token",
    "secret_": "notion-token", "figd_": "figma-token", "PMAK-": "postman-key",
    "glsa_": "grafana-token", "glc_": "grafana-token", "sntrys_": "sentry-token",
    "sntryu_": "sentry-token", "NRAK-": "newrelic-key", "NRII-": "newrelic-key",
    "pul-": "pulumi-token", "AGE-SECRET-KEY-1": "age-key", "tskey-": "tailscale-key",
    "ops_ey": "1password-token", "CFPAT-": "contentful-token", "vercel_": "vercel-token",
    "EAAC": "facebook-token", "EAAG": "facebook-token", "FLWSECK": "flutterwave-key",
    "key-": "mailgun-key", "SK": "twilio-key", "xkeysib-": "brevo-key", "phc_": "posthog-key",
    "phx_": "posthog-key", "sgp_": "sourcegraph-token", "eyJ": "jwt",
}  # fmt: skip
_STARTS = tuple(_PREFIXES)
_HEXADECIMAL = re.compile(r"[0-9a-f]{32}")
_AWS_ID = re.compile(r"A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{12,16}")
# Prefixes that words or names may begin with: the rest must be of this form.
_REST = {
    "SK": _HEXADECIMAL, "key-": _HEXADECIMAL, "dapi": _HEXADECIMAL,
    "oy2": re.compile(r"[a-z0-9]{43}"), "secret_": re.compile(r"[A-Za-z0-9]{43}"),
    "EAAAE": re.compile(r"[\w-]{55,}"), "EAAC": re.compile(r"\w{80,}"),
    "EAAG": re.compile(r"\w{80,}"), "sess-": re.compile(r"[A-Za-z0-9]{40}"),
    "pul-": re.compile(r"[0-9a-f]{40}"), "fw_": re.compile(r"[A-Za-z0-9]{20,}"),
    "sk-": re.compile(r"(?=.*[0-9])(?:[A-Za-z]{2,12}-)?\w[\w-]{18,}"),
    "ATBB": re.compile(r"[A-Za-z0-9]{24,}"),
}  # fmt: skip
_SHORTEST_REST = 10  # characters behind a prefix
_RANDOM_REST = re.compile(r"(?=.*[0-9A-Z])(?=.*[a-z0-9])[A-Za-z0-9_=-]{20,}")
_WHOLE_TOKEN = re.compile(r"[A-Za-z0-9_./+=~-]*[A-Za-z0-9_/+=-]")
_JWT = re.compile(r"[\w-]+(?:\.[\w-]+){0,4}")
_SECRET_OF_ID = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_NEAR = 120  # characters behind an AWS key id in which the secret of the pair is looked for


class Form(NamedTuple):
    """A pattern; the secret is group 1. It is tried wherever its trigger is in the lowered text."""

    kind: str
    trigger: str
    pattern: re.Pattern[str]
    accept: Callable[[str], bool] = lambda _value: True
    back: int = 0  # characters before the trigger at which a match may begin
    hint: str = ""  # what also is in every such text, and is looked for first; "": the trigger


Triggers: TypeAlias = tuple[tuple[str, Form], ...]  # apart: most texts are asked for them alone


def _is_value(value: str) -> bool:
    return not is_placeholder(value)


def _is_token(value: str) -> bool:
    return is_random(value) or (len(value) >= 20 and _has_digit(value))  # noqa: PLR2004


def _has_digit(value: str) -> bool:
    return any(map(str.isdigit, value))


def _is_basic(value: str) -> bool:
    """Is it a name and a password in Base64?"""
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    name, colon, password = decoded.partition(b":")
    return (
        bool(colon and password) and (name + password).isascii() and decoded.decode().isprintable()
    )


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.VERBOSE)


# Found in every text, whether or not it has a long run of letters and digits.
_ALWAYS = (
    Form("url-password", "://", _compiled(
        r"""://[^\s/@:"'<>`]{0,120}:([^\s/"'<>`]{1,200})@[\w.$\[{-]"""), _is_value),
    Form("url-token", "://", _compiled(r"://([\w-]{20,255})(?::x-oauth-basic)?@[\w.-]"), _is_token),
    Form("signature", "sig=", _compiled(r"(?<=[?&])sig=([A-Za-z0-9%+/=_-]{20,200})"), hint="="),
    Form("signature", "-signature=", _compiled(r"-signature=([0-9a-f]{32,512})"), hint="="),
    Form("api-key", "key=", _compiled(r"(?<=[?&])key=([\w.~%+/-]{16,2048})"), _is_token, hint="="),
    Form("auth-header", "authorization", _compiled(
        r"""authorization["'`\]]{0,2}\s{0,3}[:=,]\s{0,3}\\?["'`]?(?:(?:bearer|basic|token|bot|digest
        |apikey|api-key|key|sso-key|negotiate)\s{1,3})?([^\s"'`\\,<>;(){}$]{8,4096})"""),
        _is_token, hint="auth"),
    Form("bearer-token", "bearer", _compiled(r"bearer[\s=:]{1,3}([\w.~+/=-]{10,4096})"), is_random),
    Form("basic-auth", "basic", _compiled(r"basic\s{1,3}([A-Za-z0-9+/]{8,1024}={0,2})"),
        _is_basic),
    Form("basic-auth", "auth", _compiled(
        r"""auth\\?["']?\s{0,3}[:=]\s{0,3}\\?["']?([A-Za-z0-9+/]{8,1024}={0,2})"""), _is_basic),
    Form("netrc-password", "machine", _compiled(
        r"""machine\s{1,8}\S{1,120}\s{1,8}(?:account\s{1,8}\S{1,120}\s{1,8})?
        (?:login\s{1,8}\S{1,120}\s{1,8})?password\s{1,8}(\S{1,200})"""),
        _is_value, hint="pass"),
    Form("netrc-password", "default", _compiled(
        r"default\s{1,8}login\s{1,8}\S{1,120}\s{1,8}password\s{1,8}(\S{1,200})"),
        _is_value, hint="pass"),
    Form("cookie", "cookie:", _compiled(
        r"""cookie:\s{0,3}(?:[\w.-]{1,60}=[^;\s]{0,12};\s?){0,8}[\w.-]{1,60}=([^;\s"'\\]{16,4096})"""),
        _is_token),
    Form("password", "curl", _compiled(
        r"""curl\b[^\n|]{0,400}?\s(?:-u|--user|--proxy-user)[\s=]{0,2}["']?[^\s:"']{1,80}
        :([^\s"']{3,200})"""),
        _is_value, hint=" -"),
    Form("password", "mysql", _compiled(
        r"""(?<!\w)mysql(?:dump|admin)?\b[^\n|;]{0,200}?\s-p["']?([^\s"']{3,200})"""),
        _is_value, hint=" -"),
    Form("password", "mariadb", _compiled(
        r"""(?<!\w)mariadb\b[^\n|;]{0,200}?\s-p["']?([^\s"']{3,200})"""),
        _is_value, hint=" -"),
    Form("password", "sshpass", _compiled(r"""sshpass\s+-p\s{0,2}["']?([^\s"']{3,200})"""),
        _is_value, hint="pass"),
    Form("password", "redis-cli", _compiled(
        r"""redis-cli\b[^\n|;]{0,200}?\s-a\s{1,2}["']?([^\s"']{3,200})"""),
        _is_value, hint=" -"),
    Form("password", "login", _compiled(
        r"""(?<=[ ])login\b[^\n|;]{0,200}?\s-p\s{1,2}["']?([^\s"'-][^\s"']{2,200})"""),
        _is_value, hint=" -"),
    Form("password", "identified by", _compiled(
        r"""identified\s+by\s+(?:password\s+)?["']([^"'\n]{3,200})["']"""), _is_value),
    Form("password", "echo", _compiled(
        r"""echo\s+(?:-n\s+)?["']?([^\s"'|]{4,200})["']?\s*\|\s*(?:sudo\s+-S|docker\s+login
        |passwd|chpasswd)\b"""),
        _is_value, hint="|"),
)  # fmt: skip
# Found only in a text with a long run: these have one themselves.
_WITH_RUN = (
    Form("slack-webhook", "hooks.slack.com", _compiled(
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([\w/-]{20,200})")),
    Form("discord-webhook", "/webhooks/", _compiled(r"/webhooks/(\d{10,25}/[\w-]{20,120})")),
    Form("teams-webhook", "webhook.office.com", _compiled(
        r"webhook\.office\.com/webhookb2/([\w@-]{30,120}/\w{1,40}/[\w/-]{20,130})")),
    Form("telegram-token", ":a", re.compile(r"(?<!\d)(\d{8,10}:A[\w-]{32,36})(?![\w-])"), back=10),
    Form("sendgrid-key", "sg.", re.compile(r"(?<!\w)(SG\.[\w-]{16,64}\.[\w-]{16,64})")),
    Form("google-token", "ya29.", re.compile(r"(?<!\w)(ya29\.[\w-]{20,512})")),
    Form("google-token", "1//0", re.compile(r"(?<![\w/:])(1//0[\w-]{30,256})")),
    Form("vault-token", "hv", re.compile(r"(?<!\w)(hv[sbr]\.[\w-]{20,512})")),
    Form("terraform-token", ".atlasv1.", re.compile(
        r"(?<!\w)([A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,80})"), back=14),
    Form("doppler-token", "dp.", re.compile(r"(?<!\w)(dp\.[a-z]{2,6}\.[\w.-]{30,100})")),
    Form("dynatrace-token", "dt0c01.", re.compile(r"(dt0c01\.[A-Z0-9]{20,30}\.[A-Z0-9]{40,70})")),
    Form("airtable-token", "pat", re.compile(r"(?<!\w)(pat[A-Za-z0-9]{14}\.[0-9a-f]{64})")),
    Form("fly-token", "fm", re.compile(r"(?<!\w)(fm[12][ar]?_[\w+/=-]{60,2048})")),
)  # fmt: skip


WITH_RUN: Triggers = tuple((form.trigger, form) for form in _WITH_RUN)
ALWAYS: dict[str, list[tuple[str, Form]]] = {}  # by their hints
for _form in _ALWAYS:
    ALWAYS.setdefault(_form.hint or _form.trigger, []).append((_form.trigger, _form))


def find(text: str, lowered: str, triggers: Iterable[tuple[str, Form]]) -> Iterator[Finding]:
    """Yield what has one of these forms. `lowered` is the text in lower case, of equal length."""
    for form in [form for trigger, form in triggers if trigger in lowered]:
        for found in _found(form, text, lowered):
            if form.accept(found[1]):
                yield Finding(*found.span(1), form.kind, BY_FORM)


def _found(form: Form, text: str, lowered: str) -> Iterator[re.Match[str]]:
    at = lowered.find(form.trigger)
    while at >= 0:
        begins = range(max(0, at - form.back), at + 1)
        tried = (form.pattern.match(text, begin) for begin in begins)
        found = next((match for match in tried if match), None)
        if found is not None:
            yield found
        at = lowered.find(form.trigger, found.end() if found is not None else at + 1)


def find_tokens(text: str, runs: list[Run]) -> Iterator[Finding]:
    """Yield the tokens that begin with a known prefix; `runs` are the candidates of the text."""
    for start, end, word in runs:
        if word.startswith(_STARTS):
            prefix = next(one for one in _STARTS if word.startswith(one))
            if _fits(prefix, word):
                yield from _token(text, start, end, prefix)


def _fits(prefix: str, word: str) -> bool:
    if prefix in _REST:
        return _REST[prefix].fullmatch(word, len(prefix)) is not None
    if _PREFIXES[prefix] == "aws-key":
        return _AWS_ID.fullmatch(word) is not None and not word.endswith("EXAMPLE")
    if prefix == "eyJ":
        return len(word) >= 16  # noqa: PLR2004
    rest = word[len(prefix) :]
    return len(rest) >= _SHORTEST_REST and (
        is_random(rest) or _RANDOM_REST.fullmatch(rest) is not None
    )


def _token(text: str, start: int, end: int, prefix: str) -> Iterator[Finding]:
    kind = _PREFIXES[prefix]
    if kind == "aws-key":
        yield Finding(start, end, kind, BY_FORM)
        secret = _SECRET_OF_ID.search(text, end, end + _NEAR)
        if secret is not None and _has_digit(secret[0]) and is_random(secret[0]):
            yield Finding(*secret.span(), "aws-secret", BY_FORM)
        return
    pattern = _JWT if prefix == "eyJ" else _WHOLE_TOKEN if prefix in ("whsec_", "ATATT3") else None
    if pattern is not None and (whole := pattern.match(text, start)):
        end = max(end, whole.end())
    yield Finding(start, end, kind, BY_FORM)
