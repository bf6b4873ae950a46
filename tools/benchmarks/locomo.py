"""LoCoMo: long conversations of two people, and questions about them, with a fresh store for each.

The data set (Maharana et al. 2024, CC BY-NC 4.0) does not come with iai. A session of it is one
of iai's, with its own time. A turn is stored as a transcript of two people has it, "NAME: what was
said", and after that, where a picture was shown, "[image: caption]". One speaker is the user, the
other the assistant. All questions that name an evidence turn are asked, those of category 5
(adversarial) too.
"""

import json
import re
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import quality
from benchmarks.quality import Asked, History, Question
from benchmarks.stats import Stats
from iai.model.clock import NS
from iai.protocol.ingest import CapturedTurn

_BETWEEN_TURNS = 30 * NS
_CATEGORIES = {1: "multi-hop", 2: "time", 3: "open domain", 4: "single-hop", 5: "adversarial"}


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="LoCoMo's JSON file")
    quality.configure(parser)


def run(args: Namespace) -> Stats:
    asked: list[Asked] = []
    turns, seconds = 0, 0.0
    for sample in json.loads(args.data.read_text()):
        done, count, taken = quality.run(_history(sample), args.embedder)
        asked += done
        turns, seconds = turns + count, seconds + taken
    return quality.stats(asked, turns, seconds, halves=args.halves)


def _history(sample: dict[str, Any]) -> History:
    conversation = sample["conversation"]
    numbers = sorted(
        int(m[1]) for key in conversation if (m := re.fullmatch(r"session_(\d+)", key))
    )
    sessions = [_turns(conversation, number) for number in numbers]
    known = {turn.key for turns in sessions for turn in turns}
    questions = []
    for asked in sample["qa"]:
        # Some list several in one string.
        named = {e for said in asked["evidence"] for e in re.findall(r"D\d+:\d+", said)}
        if evidence := frozenset(named & known):
            category = _CATEGORIES.get(asked["category"], "other")
            questions.append(Question(asked["question"], evidence, category))
    return History(sample["sample_id"], sessions, questions)


def _turns(conversation: dict[str, Any], number: int) -> list[CapturedTurn]:
    said = conversation[f"session_{number}_date_time"]
    start = datetime.strptime(said, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
    at = int(start.timestamp()) * NS
    return [
        CapturedTurn(
            text=_text(turn),
            role="user" if turn["speaker"] == conversation["speaker_a"] else "assistant",
            session=f"session {number}",
            cwd="/locomo",
            created_at=at + place * _BETWEEN_TURNS,
            key=turn["dia_id"],
        )
        for place, turn in enumerate(conversation[f"session_{number}"])
    ]


def _text(turn: dict[str, Any]) -> str:
    caption = turn.get("blip_caption")
    return f"{turn['speaker']}: {turn['text']}" + (f" [image: {caption}]" if caption else "")
