"""Tokens by their first characters, and names with their passwords in Base64."""

import base64
import binascii
import re
from collections.abc import Iterator
from contextlib import suppress

from iai.redaction.candidates import Run
from iai.redaction.finding import BY_FORM, Finding
from iai.redaction.randomness import is_password, is_random

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
    "phx_": "posthog-key", "sgp_": "sourcegraph-token", "nfp_": "netlify-token",
    "nfc_": "netlify-token", "nfo_": "netlify-token", "cio": "crates-token",
    "squ_": "sonar-token", "sqp_": "sonar-token", "sqa_": "sonar-token", "fo1_": "fly-token",
    "rnd_": "render-key", "essu_": "elastic-key", "pa-": "voyage-key", "tvly-": "tavily-key",
    "csk-": "cerebras-key", "e2b_": "e2b-key", "re_": "resend-key", "ico-": "infracost-key",
    "pnu_": "prefect-key", "pnb_": "prefect-key", "rdme_": "readme-key", "tfp_": "typeform-token",
    "aio_": "adafruit-key", "as-": "modal-token", "ak-": "modal-token", "key_": "cursor-key",
    "vck_": "vercel-token", "vcp_": "vercel-token", "apify_api_": "apify-token",
    "rpa_": "runpod-key", "sk_": "elevenlabs-key", "SWMTKN-1-": "docker-token", "eyJ": "jwt",
    "nsec1": "nostr-key", "xprv": "wallet-key", "pcsk_": "pinecone-key", "fc-": "firecrawl-key",
    "bb_live_": "browserbase-key", "bkua_": "buildkite-token", "AKCp": "artifactory-key",
    "cmVmdGtu": "artifactory-token", "GOOG1E": "google-key",
    "sdk-": "launchdarkly-key", "mob-": "launchdarkly-key",
}  # fmt: skip
_BY_START: dict[str, list[str]] = {}  # by two characters: most words begin with none of these
for _prefix in _PREFIXES:
    _BY_START.setdefault(_prefix[:2], []).append(_prefix)
_HEXADECIMAL = re.compile(r"[0-9a-f]{32}")
_UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_AWS_ID = re.compile(r"A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{12,16}")
# Prefixes that words or names may begin with: the rest must be of this form.
_REST = {
    "sdk-": _UUID, "mob-": _UUID,
    "SK": _HEXADECIMAL, "key-": _HEXADECIMAL, "dapi": _HEXADECIMAL,
    "oy2": re.compile(r"[a-z0-9]{43}"), "secret_": re.compile(r"[A-Za-z0-9]{43}"),
    "EAAAE": re.compile(r"[\w-]{55,}"), "EAAC": re.compile(r"\w{80,}"),
    "EAAG": re.compile(r"\w{80,}"), "sess-": re.compile(r"[A-Za-z0-9]{40}"),
    "pul-": re.compile(r"[0-9a-f]{40}"), "fw_": re.compile(r"[A-Za-z0-9]{20,}"),
    "sk-": re.compile(r"(?!ssh-|ecdsa-)(?=.*[0-9])(?:[A-Za-z]{2,12}-)?\w[\w-]{18,}"),
    "ATBB": re.compile(r"[A-Za-z0-9]{24,}"), "cio": re.compile(r"[A-Za-z0-9]{32}"),
    "pa-": re.compile(r"[\w-]{43}"), "re_": re.compile(r"[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}"),
    "as-": re.compile(r"[A-Za-z0-9]{22}"), "ak-": re.compile(r"[A-Za-z0-9]{22}"),
    "key_": re.compile(r"[0-9a-f]{64}"), "sk_": re.compile(r"[0-9a-f]{48}"),
    "ico-": re.compile(r"[A-Za-z0-9]{32}"), "nsec1": re.compile(r"[a-z0-9]{58}"),
    "xprv": re.compile(r"[A-Za-z0-9]{100,110}"), "fc-": _HEXADECIMAL,
    "AKCp": re.compile(r"[A-Za-z0-9]{60,80}"), "cmVmdGtu": re.compile(r"[A-Za-z0-9]{50,64}"),
    "GOOG1E": re.compile(r"[A-Z0-9]{50,60}"),
}  # fmt: skip
_WRAPPED = 40  # characters of a token, the rest of which may be on the next lines of a terminal
_LINES = 8  # that it goes on for at most
_WRAPPED_REST = re.compile(r"\r?\n([\w.-]{8,512})(?![^\s\"'`])")
_SHORTEST_REST = 10  # characters behind a prefix
_RANDOM_REST = re.compile(r"(?=.*[0-9A-Z])(?=.*[a-z0-9])[A-Za-z0-9_=-]{20,}")
_WHOLE_TOKEN = re.compile(r"[A-Za-z0-9_./+=~-]*[A-Za-z0-9_/+=-]")
_JWT = re.compile(r"[\w-]+(?:\.[\w-]+){0,4}")
_BASE64 = re.compile(  # of ASCII: each fourth character is among the first 32 of the alphabet
    r"(?<![+/=])(?:[A-Za-f][A-Za-z0-9+/]{3}){4,500}(?:[A-Za-f][A-Za-z0-9+/]{1,2})?={0,2}"
    r"(?![\w+/=-])"
)
# Tokens that begin with a run and go on behind it, by their first character; the secret is group 1.
_OF_PARTS = {
    **dict.fromkeys("MNO", ("discord-token", re.compile(
        r"([MNO][\w-]{22,27}\.[\w-]{6}\.[\w-]{27,45})(?!\w)"))),
    "p": ("airtable-token", re.compile(r"(pat[A-Za-z0-9]{14}\.[0-9a-f]{64})")),
    **dict.fromkeys("Aa", ("twilio-key", re.compile(  # behind the id of the account
        r"""AC[0-9a-f]{32}\\?["'],\s{0,8}\\?["']([0-9a-f]{32})(?!\w)""", re.IGNORECASE))),
}  # fmt: skip
_NODE_ID = re.compile(rb"\d{2,3}:[A-Z][A-Za-z]{2,40}\d+")  # of GitHub: 04:User583231
_SECRET_OF_ID = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_NEAR = 120  # characters behind an AWS key id in which the secret of the pair is looked for


def basic_password(value: str) -> str:
    """Return the password of a name and a password in Base64; "" for anything else."""
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return ""
    name, _, password = decoded.partition(b":")
    if _NODE_ID.fullmatch(decoded) is not None:
        return ""
    readable = (name + password).isascii() and decoded.decode().isprintable()
    return password.decode() if readable else ""


def encoded(text: str, runs: list[Run]) -> Iterator[tuple[int, int, str]]:
    """Yield where a text in Base64 is, and that text."""
    for run in runs:
        if (found := _BASE64.match(text, run.start)) is not None:
            with suppress(ValueError):
                decoded = base64.b64decode(found[0] + "=" * (-len(found[0]) % 4), validate=True)
                if decoded.isascii() and (said := decoded.decode()).rstrip("\n").isprintable():
                    yield *found.span(), said


def find(text: str, runs: list[Run]) -> Iterator[Finding]:
    """Yield the tokens that begin with a known prefix; `runs` are the candidates of the text."""
    for start, end, word in runs:
        if (pair := _BASE64.match(text, start)) is not None and is_password(
            basic_password(pair[0])
        ):
            yield Finding(*pair.span(), "basic-auth", BY_FORM)
        if word[0] in _OF_PARTS:
            kind, pattern = _OF_PARTS[word[0]]
            if (whole := pattern.match(text, start)) is not None:
                yield Finding(*whole.span(1), kind, BY_FORM)
        named = word.rfind("__") + 2  # of a tool, `mcp__server__name`
        if named > 1 and word[named : named + 1].isalpha():
            yield from find(text, [Run(start + named, end, word[named:])])
        prefix = next((one for one in _BY_START.get(word[:2], ()) if word.startswith(one)), "")
        if prefix and _fits(prefix, word):
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
        if secret is not None and any(map(str.isdigit, secret[0])) and is_random(secret[0]):
            yield Finding(*secret.span(), "aws-secret", BY_FORM)
        return
    pattern = (
        _JWT
        if prefix == "eyJ"
        else _WHOLE_TOKEN
        if prefix in ("whsec_", "ATATT3", "sntrys_")
        else None
    )
    if pattern is not None and (whole := pattern.match(text, start)):
        end = max(end, whole.end())
    for _ in range(_LINES if end - start >= _WRAPPED else 0):
        more = _WRAPPED_REST.match(text, end)
        if more is None or more[1].startswith(prefix) or not is_random(more[1]):
            break
        end = more.end()
    yield Finding(start, end, kind, BY_FORM)
