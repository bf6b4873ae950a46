"""Secrets that are known by their form: tokens with a prefix, JWTs, URLs, headers."""

import base64
import binascii
import re
from collections.abc import Iterator

from iai.redaction import commands
from iai.redaction.candidates import Run
from iai.redaction.finding import BY_FORM, Finding
from iai.redaction.randomness import is_password, is_random, is_strong
from iai.redaction.triggered_form import Form, Triggers, compiled, is_value

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
}  # fmt: skip
_STARTS = tuple(_PREFIXES)
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
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
    "ATBB": re.compile(r"[A-Za-z0-9]{24,}"), "cio": re.compile(r"[A-Za-z0-9]{32}"),
    "pa-": re.compile(r"[\w-]{43}"), "re_": re.compile(r"[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}"),
    "as-": re.compile(r"[A-Za-z0-9]{22}"), "ak-": re.compile(r"[A-Za-z0-9]{22}"),
    "key_": re.compile(r"[0-9a-f]{64}"), "sk_": re.compile(r"[0-9a-f]{48}"),
    "ico-": re.compile(r"[A-Za-z0-9]{32}"),
}  # fmt: skip
_SHORTEST_REST = 10  # characters behind a prefix
_RANDOM_REST = re.compile(r"(?=.*[0-9A-Z])(?=.*[a-z0-9])[A-Za-z0-9_=-]{20,}")
_WHOLE_TOKEN = re.compile(r"[A-Za-z0-9_./+=~-]*[A-Za-z0-9_/+=-]")
_JWT = re.compile(r"[\w-]+(?:\.[\w-]+){0,4}")
_BASE64 = re.compile(r"(?<![+/=])[A-Za-f][A-Za-z0-9+/]{15,400}={0,2}(?![\w+/=-])")  # of ASCII
_DISCORD = re.compile(r"[MNO][\w-]{22,27}\.[\w-]{6}\.[\w-]{27,45}(?!\w)")
_SECRET_OF_ID = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_NEAR = 120  # characters behind an AWS key id in which the secret of the pair is looked for


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


def _is_pair(value: str) -> bool:
    """Is it a name and what must be its password, in Base64?"""
    return _is_basic(value) and is_password(
        base64.b64decode(value + "=" * (-len(value) % 4)).decode().partition(":")[2]
    )


# Found in every text, whether or not it has a long run of letters and digits.
_ALWAYS = (
    Form("url-password", "://", compiled(
        r"""://[^\s/@:"'<>`]{0,120}:([^\s/"'<>`]{1,200})@[\w.$\[{-]"""), is_value),
    Form("url-token", "://", compiled(r"://([\w-]{20,255})(?::x-oauth-basic)?@[\w.-]"), _is_token),
    Form("signature", "sig=", compiled(r"(?<=[?&])sig=([A-Za-z0-9%+/=_-]{20,200})"), hint="="),
    Form("signature", "-signature=", compiled(r"-signature=([0-9a-f]{32,512})"), hint="="),
    Form("api-key", "key=", compiled(r"(?<=[?&])key=([\w.~%+/-]{16,2048})"), _is_token, hint="="),
    Form("auth-header", "authorization", compiled(
        r"""authorization["'`\]]{0,2}\s{0,3}[:=,]\s{0,3}\\?["'`]?(?:(?:bearer|basic|token|bot|digest
        |apikey|api-key|key|sso-key|negotiate)\s{1,3})?([^\s"'`\\,<>;(){}$]{8,4096})"""),
        _is_token, hint="auth"),
    Form("bearer-token", "bearer", compiled(r"bearer[\s=:]{1,3}([\w.~+/=-]{10,4096})"), is_random),
    Form("basic-auth", "basic", compiled(r"basic\s{1,3}([A-Za-z0-9+/]{8,1024}={0,2})"),
        _is_basic),
    Form("basic-auth", "auth", compiled(
        r"""auth\\?["']?\s{0,3}[:=]\s{0,3}\\?["']?([A-Za-z0-9+/]{8,1024}={0,2})"""), _is_basic),
    Form("netrc-password", "machine", compiled(
        r"""machine\s{1,8}\S{1,120}\s{1,8}(?:account\s{1,8}\S{1,120}\s{1,8})?
        (?:login\s{1,8}\S{1,120}\s{1,8})?password\s{1,8}(\S{1,200})"""),
        is_value, hint="pass"),
    Form("netrc-password", "default", compiled(
        r"default\s{1,8}login\s{1,8}\S{1,120}\s{1,8}password\s{1,8}(\S{1,200})"),
        is_value, hint="pass"),
    Form("cookie", "cookie:", compiled(
        r"""cookie:\s{0,3}(?:[\w.-]{1,60}=[^;\s]{0,12};\s?){0,8}[\w.-]{1,60}=([^;\s"'\\]{16,4096})"""),
        _is_token),
    Form("cookie", "cookie", compiled(
        r"""cookie\s{0,3}=\s{0,3}["'`](?:[\w.-]{1,60}=[^;\s"'`]{0,80};\s?){0,8}[\w.-]{1,60}=
        ([^;\s"'`\\]{16,4096})"""), _is_token),
    Form("oauth-code", "code=", compiled(r"(?<=[?&])code=([\w.~%/-]{20,2048})"), is_random,
        hint="="),
    Form("saml", "samlresponse", compiled(
        r"""samlresponse["']?(?:\s{1,4}value)?\s{0,3}[=:]\s{0,3}["']?
        ([A-Za-z0-9+/=%]{40,65536})""")),
    Form("password", "pass: ", compiled(r"""(?<![\w-])(?-i:[Pp]ass):[ ]([^\s\"'`,;()<>]{6,64})"""),
        is_strong, hint="pass"),
    Form("password", ":5432:", compiled(r":5432:[^\s:]{1,60}:[^\s:]{1,60}:([^\s:\"']{4,200})"),
        is_value),  # ~/.pgpass
    Form("password", "auth", compiled(
        r"""auth["']?\s{0,3}[=:]?\s{0,3}\(\s{0,8}(?:["'][^"'\n]{0,80}["'],\s{0,8}){1,2}
        ["']([^"'\s]{4,200})["']"""), is_password),  # auth=("me", "...")
    Form("password", "login(", compiled(
        r"""login\(\s{0,8}["'][^"'\n]{1,80}["'],\s{0,8}["']([^"'\s]{4,200})["']"""), is_password,
        hint="login"),
    Form("password", "login:", compiled(
        r"""login:\s?["'`]?[\w.@-]{1,60}["'`]?\s?/\s?["'`]?([^\s"'`]{6,64})"""), is_password,
        hint="login"),
    *(
        Form("password", call, compiled(
            rf"""{re.escape(call)}\s{{0,8}}(?:["'][^"'\n]{{0,200}}["'],\s{{0,8}}){{2}}
            ["']([^"'\s]{{4,200}})["']"""), is_password)
        for call in ("connect(", "getconnection(", "create_user(", "create_superuser(", "pdo(",
                     "mysqli(")
    ),
    Form("password", "@tcp(", compiled(  # a driver of Go
        r"""[\w.-]{1,32}:([^\s@:/"']{3,64})@tcp\("""), is_value, back=97, hint="@"),
    Form("password", "networkcredential", compiled(
        r"""(?:network|ps)credential\(\s{0,8}["'][^"'\n]{1,80}["'],\s{0,8}["']([^"'\s]{4,200})["']"""),
        is_password, hint="cred"),
    Form("secret", "secretstr(", compiled(r"""secretstr\(\s{0,8}["']([^"'\n]{4,200})["']"""),
        is_password, hint="secret"),
    Form("password", "password:", compiled(  # expect
        r"""password:\s?["'}]{1,2}\s{0,8}\{?\s{0,8}send(?:_user|line)?\s{1,4}(?:--\s)?
        ["']([^"'\\\s]{4,200})"""), is_value, hint="pass"),
    Form("password", "set password", compiled(
        r"""set\s+password\s+(?:for\s+\S{1,120}\s+)?=\s{0,4}["']([^"'\n]{3,200})["']"""),
        is_value, hint="pass"),
    *(
        Form("password", name, compiled(rf"""{name}\s{{1,4}}["']?([^\s"']{{3,200}})"""),
            is_password, hint=hint)
        for name, hint in (("requirepass", "pass"), ("masterauth", "auth"), ("bindpw", "pw"),
                           ("rootpw", "pw"))
    ),
    Form("password", "auth ", compiled(  # of Redis, or SMTP
        r"""(?<![\w-])(?-i:AUTH)[ ](?:\w{1,40}[ ])?([^\s"'`]{6,200})[ ]{0,4}(?:$|\n)"""),
        is_password, hint="auth"),
    Form("url-password", "%3a%2f%2f", compiled(
        r"%3A%2F%2F[\w.-]{0,120}%3A([^\s%&]{1,200})%40"), is_value, hint="%"),
    Form("password", "use ", compiled(
        r"""use[ ]["'`]?([^\s"'`]{6,64})["'`]?[ ](?:as|for)[ ](?:\w+[ ]){0,3}
        pass(?:word|phrase|code)(?![ -]hash)"""),
        is_password, hint="pass"),
    Form("password", "cred", compiled(
        r"""cred(?:ential)?s?\s?(?:are|is|[:=])\s?["'`]?[\w.@-]{1,60}["'`]?\s?[/:]\s?
        ["'`]?(?![a-z]\.[a-z])([^\s"'`]{6,64})"""), is_password),
    Form("password", "log in ", compiled(
        r"""log[ ]in[ ](?:with|as|using)[ ]["'`]?[\w.@-]{1,60}["'`]?[ ]?/[ ]?
        ["'`]?([^\s"'`]{6,64})"""), is_password),
    Form("password", "password", compiled(
        r"""password[^\n."'`]{0,40}?[,:;][ ](?:type|enter|use|try)[ ]["'`]?([^\s"'`,;]{6,64})"""),
        is_password, hint="pass"),
    Form("password", " pin ", compiled(
        r"""[ ]pin[ ](?:code[ ])?(?:for[ ](?:\w{1,40}[ ]){1,4})?is[ ](\d{4,12})(?!\d)""")),
    Form("password", 'send "', compiled(r"""send[ ]"([^"\\\s]{6,200})\\{1,2}[rn]\""""),
        is_password),
    Form("password", "pass: ", compiled(  # of YAML
        r"""(?<=[ \n])(?-i:pass):[ ]([^\s"'`]{8,64})[ ]{0,4}(?:\n|$)"""), is_password,
        hint="pass"),
    Form("token", "authtoken ", compiled(
        r"""_authtoken[ ]{1,2}["']?([^\s"']{8,200})"""), is_password, back=1, hint="auth"),
    Form("password", "user", compiled(
        r"""user(?:name)?[ :=]\s?["'`]?[\w.@-]{1,60}["'`]?[ ,;/]{1,3}pass[ ]\s?
        ["'`]?([^\s"'`]{6,64})"""),
        is_password, hint="pass"),
    Form("api-key", "appid=", compiled(r"(?<=[?&])appid=([0-9a-f]{32})"), hint="="),
    Form("password", "identified by", compiled(
        r"""identified\s+by\s+(?:password\s+)?["']([^"'\n]{3,200})["']"""), is_value),
    *commands.FORMS,
)  # fmt: skip
# Found only in a text with a long run: these have one themselves.
_WITH_RUN = (
    Form("slack-webhook", "hooks.slack.com", compiled(
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([\w/-]{20,200})")),
    Form("discord-webhook", "/webhooks/", compiled(r"/webhooks/(\d{10,25}/[\w-]{20,120})")),
    Form("teams-webhook", "webhook.office.com", compiled(
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
    Form("google-key", "aq.", re.compile(r"(?<![\w.])(AQ\.[\w-]{30,120})")),
    Form("azure-secret", "q~", re.compile(r"(?<![\w~.-])([\w~.-]{3}[78]Q~[\w~.-]{31,34})"), back=4),
    Form("mailchimp-key", "-us", re.compile(r"(?<![\w-])([0-9a-f]{32}-us\d{1,2})(?!\w)"), back=32),
    Form("dropbox-token", "sl.", re.compile(r"(?<![\w.])(sl\.(?:u\.)?[\w-]{100,1500})")),
    Form("asana-token", "/1", re.compile(
        r"(?<![\w/])([012]/\d{10,20}(?:/\d{10,20})?:[0-9a-f]{32})(?!\w)"), back=1),
    Form("twitch-token", "oauth:", re.compile(r"oauth:([a-z0-9]{30})(?![a-z0-9])")),
    Form("plaid-token", "access-", re.compile(
        rf"(?<![\w-])(access-(?:production|sandbox|development)-{_UUID})")),
    Form("hubspot-token", "pat-", re.compile(rf"(?<![\w-])(pat-(?:na|eu|ap)\d-{_UUID})")),
    Form("twitter-token", "a" * 16, re.compile(r"(?<!\w)(A{16,25}[\w%]{60,120})")),
    Form("private-key", '"kty"', re.compile(
        r'"kty"[^{}]{0,2000}?"d"\s{0,3}:\s{0,3}"([\w-]{20,1024})"')),
    Form("cookie", "\t", re.compile(  # a file of curl's
        r"\t(?:TRUE|FALSE)\t\d{1,12}\t[\w.-]{1,80}\t(\S{16,4096})"), _is_token),
    Form("cloudflare-key", "v1.0-", re.compile(
        r"(?<![\w.])(v1\.0-[0-9a-f]{24}-[0-9a-f]{100,200})")),
    Form("fly-token", "fm", re.compile(r"(?<!\w)(fm[12][ar]?_[\w+/=-]{60,2048})")),
)  # fmt: skip


WITH_RUN: Triggers = tuple((form.trigger, form) for form in _WITH_RUN)
ALWAYS: dict[str, list[tuple[str, Form]]] = {}  # by their hints
for _form in _ALWAYS:
    ALWAYS.setdefault(_form.hint or _form.trigger, []).append((_form.trigger, _form))


def find_tokens(text: str, runs: list[Run]) -> Iterator[Finding]:
    """Yield the tokens that begin with a known prefix; `runs` are the candidates of the text."""
    for start, end, word in runs:
        if (pair := _BASE64.match(text, start)) is not None and _is_pair(pair[0]):
            yield Finding(*pair.span(), "basic-auth", BY_FORM)
        if word[0] in "MNO" and (whole := _DISCORD.match(text, start)) is not None:
            yield Finding(*whole.span(), "discord-token", BY_FORM)
        named = word.rfind("__") + 2  # of a tool, `mcp__server__name`
        if named > 1 and word[named : named + 1].isalpha():
            yield from find_tokens(text, [Run(start + named, end, word[named:])])
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
