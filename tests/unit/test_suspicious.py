"""What looks like a secret is masked, and what does not is left alone."""

from __future__ import annotations

import string
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox import redact
from devbox.journal.active import start_run
from devbox.journal.run import Run
from devbox.redact import MASK, redacted_value, redacted_words, suspicious

MIXED = "a8Bc3dEfGh1jKlMnOpQrStUvWxYz0123456789AbCdEfGh"

SECRETS = {
    "ghp_" + MIXED[:36]: MASK,
    "github_pat_" + MIXED[:30]: MASK,
    "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGh": MASK,
    "AKIAIOSFODNN7EXAMPLE": MASK,
    "sk-" + MIXED: MASK,
    "sk-proj-" + MIXED: MASK,
    "sk-ant-api03-" + MIXED: MASK,
    "xoxb-123456789012-abcdef": MASK,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc-_123": MASK,
    "https://me:hunter2@host/x": f"https://me:{MASK}@host/x",
    "postgres://u:p4ss@db:5432/x": f"postgres://u:{MASK}@db:5432/x",
    "https://x/?a=1&sig=aaaaaaaaaaaaaaaaaaaa%3D": f"https://x/?a=1&sig={MASK}",
    "Authorization: Bearer abcdefgh12345678": f"Authorization: Bearer {MASK}",
    "password=hunter2": f"password={MASK}",
    "--password hunter2": f"--password {MASK}",
    "--api-key=abc123": f"--api-key={MASK}",
    "DB_PASSWORD: hunter2": f"DB_PASSWORD: {MASK}",
    '{"password": "hun\\"ter2", "user": "me"}': f'{{"password": "{MASK}", "user": "me"}}',
    '{\\"password\\": \\"hunter2\\"}': f'{{\\"password\\": \\"{MASK}\\"}}',
    "password: str = 'hunter2'": f"password: str = '{MASK}'",
    "+export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG": f"+export AWS_SECRET_ACCESS_KEY={MASK}",
    "HF_TOKEN=abc123def456": f"HF_TOKEN={MASK}",
    "Server=db;Password=abc!;Port=1": f"Server=db;Password={MASK};Port=1",
    "-----BEGIN RSA PRIVATE KEY-----\n+MIIE1234\n+abcd\n+-----END RSA PRIVATE KEY-----": (
        f"-----BEGIN RSA PRIVATE KEY-----\n+{MASK}\n+{MASK}\n+-----END RSA PRIVATE KEY-----"
    ),
    "-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----": (
        f"-----BEGIN PRIVATE KEY-----{MASK}-----END PRIVATE KEY-----"
    ),
}
PLAIN = (
    "max_tokens=100",
    "tokenizer=bert-base-uncased",
    "token_count=12345678a",
    "pad_token=<|reserved_special_token_0|>",
    "cb340a6cb340a6cb340a6cb340a6cb340a6cb340",
    "sha256:" + "ab12" * 16,
    "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "password=password",
    "password=settings.password",
    "connect(password=pw, user=me)",
    "password: str",
    "def login(password: bytes | str, token: str | None = None) -> None:",
    "password = getpass()",
    "api_key=os.environ['X']",
    "api_key=${API_KEY}",
    "the password: it is asked for",
    "key=customer_id_2024",
    "primary_key: id_20241122",
    "http://host:8080/a@b",
    "git@github.com:me/x.git",
    "sk-learn-classifier-2024-model-version-12",
    "--password-file /run/secrets/x",
    "secrets = ['A']",
    "return self.secret == other.secret",
)


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_are_masked(text: str) -> None:
    assert suspicious(text) == SECRETS[text]
    assert suspicious(f"before {text} after").startswith("before ")


@pytest.mark.parametrize("text", PLAIN)
def test_other_things_stay(text: str) -> None:
    assert suspicious(text) == text


@given(st.text(alphabet=string.printable, max_size=300))
def test_lines_stay_lines_and_twice_is_once(text: str) -> None:
    once = suspicious(text)
    assert once.count("\n") == text.count("\n")
    assert suspicious(once) == once


@given(
    st.sampled_from(["password", "DB_PASSWORD", "client_secret", "api-key", "access_token"]),
    st.text(
        alphabet=string.ascii_letters + string.digits + "!#%+/_.-", min_size=8, max_size=40
    ).filter(lambda text: any(c.isdigit() for c in text) and text[0].isalnum()),
    st.sampled_from(['{}="{}"', "{}: '{}'", "--{}={}", '"{}": "{}"', "{}={}"]),
)
def test_what_is_called_a_password_never_stays(name: str, value: str, form: str) -> None:
    assert value not in suspicious(form.format(name, value)).replace(name, "")
    assert redacted_value(name, value) == MASK


def test_a_command_is_masked_word_by_word() -> None:
    words = ["train", "--password", "hunter2", "--token", "abc12345x", "--tokenizer", "abc12345x"]
    assert redacted_words(words) == [
        "train",
        "--password",
        MASK,
        "--token",
        MASK,
        "--tokenizer",
        "abc12345x",
    ]


def test_values_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "_known", frozenset())
    monkeypatch.setattr(redact, "_pattern", None)
    redact.remember_environment(
        {
            "MY_API_KEY": "zyxw9876",
            "HOME": "/home/me",
            "CODE": "plainword",
            "DEVBOX_SECRETS": "CODE",
        }
    )
    assert redact.redacted("say zyxw9876 plainword /home/me") == f"say {MASK} {MASK} /home/me"


def test_long_texts_take_no_long_time() -> None:
    hostile = ["eyJ" * 50_000, "-----BEGIN PRIVATE KEY-----" * 5000, "://" * 50_000, "a:" * 50_000]
    hostile += ["password " * 20_000, "--" * 50_000 + "token", "sk-" + "a-" * 50_000]
    begin = time.process_time()
    for text in hostile:
        suspicious(text)
    assert time.process_time() - begin < 20


def test_nothing_of_a_secret_is_written_into_a_run(home: Path, tmp_path: Path) -> None:
    with start_run("r", sample_every=None, command=["x", "--password", "hunter2"]) as run:
        run.log_params({"api_key": "hunter2", "config": {"password": "hunter2"}, "lr": 0.1})
        run.set_tag("url", "https://me:hunter2@host/")
    with pytest.raises(ValueError, match="hunter2"), start_run("s", sample_every=None) as other:
        raise ValueError("no login at https://me:hunter2@host/")
    for each in (run, other):
        for journal in each.folder.glob("*.journal"):
            assert b"hunter2" not in journal.read_bytes()


def test_params_without_secrets_are_as_they_were(tmp_path: Path) -> None:
    run = Run("0" * 32, tmp_path)
    run.log_params({"max_tokens": 4096, "pad_token": "<pad>", "commit": "cb340a6" * 5})
    run.close()
    (journal,) = tmp_path.glob("*/*.journal")
    assert '"max_tokens":"4096","pad_token":"<pad>","commit":"cb340a6' in journal.read_text()
