"""Count of a smear → FHIR R4 resources: a report with its observations, and the device.

FHIR 4.0.1 (hl7.org/fhir/R4). One Bundle of type ``collection``: DiagnosticReport, one Observation
per class, group and ratio, and the Device that made them. There is no Patient and no Specimen: the
image does not say whose smear it is. Everything is ``preliminary``, research use only.
"""

import math
import uuid
from datetime import datetime
from typing import Any

from marrowscope._about import RESEARCH_USE_ONLY, __version__
from marrowscope.counting.smear_count import SmearCount
from marrowscope.differential.differential_result import Differential, Entry
from marrowscope.differential.myeloid_erythroid_ratio import RatioEstimate
from marrowscope.differential.sentences import sentences
from marrowscope.differential.tally import UNLIKE_KNOWN
from marrowscope.errors import InputError
from marrowscope.scoring import Estimate

# Names of our own classes and groups; no terminology server knows them.
SYSTEM = "urn:marrowscope:cell-class"
_LOINC, _UCUM = "http://loinc.org", "http://unitsofmeasure.org"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
# LOINC where facts name the code, by our name of the class or group.
_CODES = {
    "blasts": ("11150-0", "Blasts/100 cells in Bone marrow"),
    "plasma cell": ("11118-7", "Plasma cells/100 cells in Bone marrow"),
    "eosinophil": ("11152-6", "Eosinophils/100 cells in Bone marrow"),
    "ratio": ("11138-5", "Myeloid cells/Erythroid cells in Bone marrow"),
}
_NAMESPACE = uuid.UUID("6f2d3c2e-4a57-5b0e-9d0f-2b1f7c1c8a55")
_DECIMALS = 4


def diagnostic_bundle(count: SmearCount, issued: datetime) -> dict[str, Any]:
    """The report as plain data for JSON.

    Args:
        count: of one smear.
        issued: when the report is written, with time zone.

    Raises:
        InputError: ``issued`` has no time zone.
    """
    if issued.tzinfo is None:
        raise InputError("the date of a FHIR report needs a time zone")
    when = issued.isoformat(timespec="seconds")
    made = _BundleBuilder(count, when)
    found = count.differential
    observations = [made.share(entry, found, "class") for entry in found.classes]
    observations.append(made.share(found.blasts, found, "group"))
    observations += [made.share(entry, found, "lineage") for entry in found.lineages]
    observations += made.ratio(found)
    observations.append(made.not_classified(found))
    device = made.device()
    report = made.report(observations, sentences(found))
    entries = [report, *observations, device]
    return {
        "resourceType": "Bundle",
        "id": made.identity("bundle"),
        "type": "collection",
        "timestamp": when,
        "entry": [
            {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} for resource in entries
        ],
    }


class _BundleBuilder:
    """Makes the resources of one report; the same report gets the same ids."""

    def __init__(self, count: SmearCount, when: str) -> None:
        self._count, self._when = count, when
        parts = [count.name, count.card.weights_sha256, when, *map(str, count.cells["cell_id"])]
        # A file name may be no text; then a mark stands for the odd bytes.
        self._seed = "\n".join(parts).encode("utf-8", "replace").decode()

    def identity(self, name: str) -> str:
        """A UUID that follows from the content."""
        return str(uuid.uuid5(_NAMESPACE, f"{self._seed}\n{name}"))

    def report(self, observations: list[dict[str, Any]], lines: tuple[str, ...]) -> dict[str, Any]:
        """The DiagnosticReport."""
        remarks = [line.replace("`", "") for line in self._count.remarks]  # it has no code
        conclusion = [RESEARCH_USE_ONLY, *remarks, *lines]
        return {
            "resourceType": "DiagnosticReport",
            "id": self.identity("report"),
            "text": _narrative(conclusion),
            "status": "preliminary",
            "category": [
                {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/v2-0074",
                            "code": "HM",
                            "display": "Hematology",
                        }
                    ],
                }
            ],
            "code": {
                "coding": [{"system": _LOINC, "code": "48807-2"}],
                "text": "Differential count of a digitized bone-marrow smear",
            },
            "effectiveDateTime": self._when,
            "issued": self._when,
            "result": [_reference(one) for one in observations],
            "conclusion": " ".join(line.rstrip(".") + "." for line in conclusion),
        }

    def share(self, entry: Entry, found: Differential, kind: str) -> dict[str, Any]:
        """The share of a class or group among the countable cells."""
        name = entry.name if kind == "class" else entry.code
        resource = self._observation(f"{kind}/{entry.code}", name, entry.code, kind)
        countable = found.tally.countable
        if not entry.known and not entry.count:  # its 0 would be no finding
            resource["dataAbsentReason"] = _no_value("unsupported", "not known to the classifier")
        elif math.isfinite(entry.percent) and countable:
            resource["valueQuantity"] = _percent(entry.percent / 100)
        else:
            resource["dataAbsentReason"] = _no_value("not-applicable", "no countable cell")
        parts = [_count_part("cells", entry.count), _count_part("countable cells", countable)]
        if countable and (entry.known or entry.count):
            parts += _interval_parts("Wilson 95 % interval", entry.counted)
        if entry.corrected is not None:
            parts.append(_part("corrected share", _percent(entry.corrected.value)))
            parts += _interval_parts("corrected, 95 % interval", entry.corrected)
        resource["component"] = parts
        if not entry.known:
            resource["note"] = [{"text": "The classifier does not know this class."}]
        return resource

    def ratio(self, found: Differential) -> list[dict[str, Any]]:
        """Myeloid to erythroid cells; nothing where the classifier does not know them."""
        made = []
        kinds = (("counted", found.ratio), ("corrected", found.corrected_ratio))
        for kind, value in kinds:
            if value is None:
                continue
            resource = self._observation(
                f"ratio/{kind}", "ratio", f"myeloid to erythroid cells, {kind}", "ratio"
            )
            if math.isfinite(value.value):
                resource["valueQuantity"] = {"value": _round(value.value), **_ONE}
            else:
                resource["dataAbsentReason"] = _no_value("not-applicable", "no erythroid cell")
            parts = _bounds(value)
            if parts:
                resource["component"] = parts
            resource["note"] = [
                {
                    "text": "Granulocytic and monocytic cells with blasts, over erythroblasts.",
                }
            ]
            made.append(resource)
        return made

    def not_classified(self, found: Differential) -> dict[str, Any]:
        """Cells that may belong into the denominator."""
        cells = found.tally
        resource = self._observation("not-classified", "", "not classified", "group")
        resource["valueQuantity"] = {"value": cells.unclassified, **_CELLS}
        low, high = found.blasts.bounds
        parts = [_count_part("of cells", cells.countable + cells.unclassified)]
        if cells.novel is not None:
            parts.append(_count_part(UNLIKE_KNOWN, cells.novel))
        if math.isfinite(low) and math.isfinite(high):
            parts.append(_part("blasts, if none of them are", _percent(low)))
            parts.append(_part("blasts, if all of them are", _percent(high)))
        resource["component"] = parts
        return resource

    def device(self) -> dict[str, Any]:
        """Program and network."""
        card = self._count.card
        return {
            "resourceType": "Device",
            "id": self.identity("device"),
            "status": "active",
            "manufacturer": "marrowscope",
            "deviceName": [
                {"name": f"marrowscope with {card.name}", "type": "model-name"},
            ],
            "version": [
                {"value": f"marrowscope {__version__}"},
                {"value": f"{card.name}, weights sha256 {card.weights_sha256}"},
                {"value": self._count.engine},
            ],
            "note": [{"text": RESEARCH_USE_ONLY}],
        }

    def _observation(self, key: str, name: str, code: str, kind: str) -> dict[str, Any]:
        coding = [{"system": SYSTEM, "code": code.replace(" ", "-"), "display": name or code}]
        known = _CODES.get("ratio" if kind == "ratio" else (name or code))
        if known is not None:
            coding.insert(0, {"system": _LOINC, "code": known[0], "display": known[1]})
        return {
            "resourceType": "Observation",
            "id": self.identity(key),
            "status": "preliminary",
            "category": [{"coding": [{"system": _CATEGORY, "code": "laboratory"}]}],
            "code": {"coding": coding, "text": name if name and kind != "ratio" else code},
            "effectiveDateTime": self._when,
            "issued": self._when,
            "device": {"reference": f"urn:uuid:{self.identity('device')}"},
        }


_ONE = {"unit": "1", "system": _UCUM, "code": "1"}
_CELLS = {"unit": "cells", "system": _UCUM, "code": "{cells}"}


def _percent(share: float) -> dict[str, Any]:
    return {"value": _round(100 * share), "unit": "%", "system": _UCUM, "code": "%"}


def _round(value: float) -> float:
    return round(float(value), _DECIMALS)


def _part(text: str, quantity: dict[str, Any]) -> dict[str, Any]:
    return {"code": {"text": text}, "valueQuantity": quantity}


def _count_part(text: str, cells: int) -> dict[str, Any]:
    return _part(text, {"value": cells, **_CELLS})


def _interval_parts(text: str, interval: Estimate) -> list[dict[str, Any]]:
    low, high = _percent(interval.low), _percent(interval.high)
    return [{"code": {"text": text}, "valueRange": {"low": low, "high": high}}]


def _bounds(ratio: RatioEstimate) -> list[dict[str, Any]]:
    """The interval; an end that is infinite is left open."""
    ends = {
        name: {"value": _round(value), **_ONE}
        for name, value in (("low", ratio.low), ("high", ratio.high))
        if math.isfinite(value)
    }
    return [{"code": {"text": "95 % interval"}, "valueRange": ends}] if ends else []


def _no_value(code: str, text: str) -> dict[str, Any]:
    return {"coding": [{"system": _ABSENT, "code": code}], "text": text}


def _reference(resource: dict[str, Any]) -> dict[str, str]:
    return {"reference": f"urn:uuid:{resource['id']}", "type": "Observation"}


def _narrative(lines: list[str]) -> dict[str, str]:
    """What a person reads where nothing else is shown, XHTML."""
    from html import escape

    # Control characters have no place in XML.
    plain = ["".join(sign if sign.isprintable() else " " for sign in line) for line in lines]
    body = "".join(f"<p>{escape(line)}</p>" for line in plain)
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{body}</div>'}
