"""The suite keeps its own rules: tests stand alone, and a skip says why."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import marrowscope
from marrowscope.cli.catalog import COMMANDS, FORMER

TESTS = Path(__file__).parent
MODULES = sorted(TESTS.rglob("*.py"))


@cache
def syntax(path: Path) -> tuple[ast.AST, ...]:
    """All nodes of a file."""
    return tuple(ast.walk(ast.parse(path.read_text())))


def name(path: Path) -> str:
    return str(path.relative_to(TESTS))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_test_module_imports_another_one(path: Path) -> None:
    imported = set()
    for node in syntax(path):
        if isinstance(node, ast.ImportFrom):
            imported.add(str(node.module))
        elif isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
    last_parts = {module.split(".")[-1] for module in imported}
    assert not {part for part in last_parts if part.startswith("test_") or part == "conftest"}


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_skip_has_a_reason(path: Path) -> None:
    for node in syntax(path):
        if isinstance(node, ast.Attribute) and node.attr in ("skip", "skipif", "xfail"):
            assert ast.unparse(node).startswith("pytest."), node.lineno
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        given = {keyword.arg for keyword in node.keywords}
        if ast.unparse(node.func) in (
            "pytest.mark.skip",
            "pytest.mark.skipif",
            "pytest.mark.xfail",
        ):
            assert "reason" in given, f"line {node.lineno}"
        elif ast.unparse(node.func) in ("pytest.skip", "pytest.xfail", "pytest.importorskip"):
            words = "reason" in given or (node.func.attr != "importorskip" and node.args)
            assert words, f"line {node.lineno}"


def test_there_is_one_conftest() -> None:
    assert [name(path) for path in MODULES if path.name == "conftest.py"] == ["conftest.py"]


# Modules that are tested through another one: part of one algorithm, or drawn by one page.
TESTED_BY = {
    "api/box_tables.py": "exchange/test_box_cells.py",
    "api/cell_embedding.py": "cli/test_explain_commands.py",
    "api/cell_explanations.py": "cli/test_explain_commands.py",
    "api/count_result.py": "api/test_smear_counting.py",
    "api/cell_review.py": "cli/test_review_commands.py",
    "api/external_evaluation.py": "cli/test_evaluate_external.py",
    "api/image_input.py": "api/test_classifier.py",
    "api/labelled_predictions.py": "api/test_model_evaluation.py",
    "api/model_cross_validation.py": "cli/test_crossval_command.py",
    "api/model_pretraining.py": "cli/test_train_command.py",
    "api/model_quantization.py": "inference/test_openvino_engine.py",
    "api/recipe_choice.py": "api/test_model_training.py",
    "api/smear_input.py": "api/test_smear_counting.py",
    "api/study_reproduction.py": "cli/test_reproduce_command.py",
    "augment/cpu_augmentation.py": "augment/test_batch_augmentation.py",
    "augment/tensor_augmentation.py": "augment/test_batch_augmentation.py",
    "cli/calibrate_command.py": "cli/test_explain_commands.py",
    "cli/check_summary.py": "cli/test_dataset_commands.py",
    "cli/compare_command.py": "cli/test_crossval_command.py",
    "cli/index_boxes.py": "exchange/test_box_cells.py",
    "cli/laboratory_lines.py": "cli/test_evaluate_command.py",
    "cli/merge_command.py": "cli/test_dataset_commands.py",
    "cli/model_argument.py": "cli/test_lazy_group.py",
    "cli/pretrain_command.py": "cli/test_train_command.py",
    "counting/field_result.py": "counting/test_count_smear.py",
    "counting/running_count.py": "counting/test_count_smear.py",
    "dataset/found_image.py": "dataset/test_image_discovery.py",
    "dataset/overlap_candidates.py": "dataset/test_overlap_detection.py",
    "dataset/overlap_proof.py": "dataset/test_overlap_detection.py",
    "demo.py": "cli/test_demo_command.py",
    "detection/cytoplasm_rim.py": "detection/test_detector.py",
    "detection/lobe_grouping.py": "detection/test_detector.py",
    "detection/radial_profile.py": "detection/test_detector.py",
    "fleet/fleet_identity.py": "api/test_slide_fleet.py",
    "fleet/slide_record.py": "fleet/test_fleet_table.py",
    "fleet/smear_counter.py": "fleet/test_slide_task.py",
    "inference/model_choice.py": "fleet/test_worker_slides.py",
    "io/colour_profile.py": "io/test_image_decoding.py",
    "io/image_inspection.py": "io/test_image_decoding.py",
    "io/pillow_decoding.py": "io/test_image_decoding.py",
    "io/sample_colours.py": "io/test_image_decoding.py",
    "io/tiff_picture.py": "io/test_image_decoding.py",
    "io/tiff_samples.py": "io/test_image_decoding.py",
    "io/transparency.py": "io/test_image_decoding.py",
    "models/bundle_writer.py": "models/test_bundle.py",
    "models/graph_conversion.py": "models/test_graph_part.py",
    "models/quantization.py": "inference/test_openvino_engine.py",
    "models/resnext50.py": "models/test_architectures.py",
    "models/sequential.py": "models/test_architectures.py",
    "models/weights_header.py": "test_hostile_bundles.py",
    "phantom/artefact_shapes.py": "phantom/test_non_cells.py",
    "phantom/nucleated_cell.py": "phantom/test_synthetic_cell.py",
    "phantom/renderer.py": "phantom/test_synthetic_field.py",
    "report/count/count_data.py": "report/count/test_count_report.py",
    "report/count/count_page.py": "report/count/test_count_report.py",
    "report/embedding_page.py": "explain/test_embedding.py",
    "report/evaluation_figures.py": "report/test_evaluation_page.py",
    "reproduce/analysis_steps.py": "reproduce/test_study.py",
    "reproduce/data_steps.py": "reproduce/test_study.py",
    "review/database/event_chain.py": "review/database/test_chain_audit.py",
    "review/database/label_rows.py": "review/readings/test_record_events.py",
    "review/readings/event_batch.py": "review/readings/test_record_events.py",
    "review/readings/reading_access.py": "review/readings/test_reading_cycle.py",
    "review/pictures/cell_crops.py": "review/pictures/test_sprite_sheets.py",
    "review/readings/blinding.py": "review/server/test_reading_routes.py",
    "review/readings/cell_columns.py": "review/server/test_reading_routes.py",
    "review/readings/cell_facts.py": "review/server/test_reading_routes.py",
    "review/readings/cell_order.py": "review/server/test_reading_routes.py",
    "review/readings/worklist.py": "review/server/test_reading_routes.py",
    "review/refusals.py": "review/readings/test_record_events.py",
    "review/server/counting_queue.py": "review/server/test_local_server.py",
    "review/readings/final_labels.py": "review/signing/test_sign_smear.py",
    "review/readings/reader_agreement.py": "review/server/test_signing_routes.py",
    "review/readings/reader_statistics.py": "review/server/test_signing_routes.py",
    "review/server/exchange_routes.py": "review/server/test_signing_routes.py",
    "review/server/library_watch.py": "review/server/test_laboratory_server.py",
    "review/server/passwords.py": "review/server/test_people_routes.py",
    "review/server/try_limit.py": "review/server/test_people_routes.py",
    "review/signing/audit_trail.py": "review/server/test_signing_routes.py",
    "review/signing/reviewed_cells.py": "review/transfer/test_label_export.py",
    "review/signing/reviewed_count.py": "review/server/test_signing_routes.py",
    "review/signing/signed_reports.py": "review/server/test_signing_routes.py",
    "review/transfer/record_import.py": "review/transfer/test_label_import.py",
    "review/server/http_call.py": "review/server/test_request_guard.py",
    "review/server/people.py": "review/server/test_reading_routes.py",
    "review/server/picture_routes.py": "review/server/test_reading_routes.py",
    "review/server/service.py": "review/server/test_request_guard.py",
    "review/server/sessions.py": "review/server/test_request_guard.py",
    "review/sources/cell_table_source.py": "review/sources/test_smear_record.py",
    "slides/field_reader.py": "slides/test_open_slide.py",
    "slides/tiff_reader.py": "slides/test_open_slide.py",
    "slides/tiled_slide.py": "slides/test_slide.py",
    "training/feature_baseline.py": "training/test_train.py",
    "training/finish_run.py": "training/networks/test_train_network.py",
    "training/linear_probe/backbone_features.py": "training/linear_probe/test_train_probe.py",
    "training/networks/finetuning.py": "training/linear_probe/test_train_probe.py",
    "training/networks/throughput.py": "training/networks/test_compiled_step.py",
}
SOURCE = TESTS.parent / "src" / "marrowscope"


COMMAND_FILES = {
    words: SOURCE / "cli" / f"{entry.target.partition(':')[0]}.py"
    for words, entry in (
        *(((entry.name,), entry) for entry in (*COMMANDS, *FORMER) if entry.target),
        *(((group.name, entry.name), entry) for group in COMMANDS for entry in group.commands),
    )
}


@cache
def used_modules(path: Path) -> set[Path]:
    """Files of the package that a file uses: by an import, as ``ms.name``, or as a command."""
    found, is_test = set(), path.is_relative_to(TESTS)
    for node in syntax(path):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("marrowscope"):
            parts = str(node.module).split(".")[1:]
            for place in (parts, *([*parts, alias.name] for alias in node.names)):
                inner = SOURCE.joinpath(*place)
                found |= {inner.with_suffix(".py"), inner / "__init__.py"}
            if not parts:
                found |= {home_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "ms":
            found.add(home_of(node.attr))
        elif is_test:
            words = tuple(first_words(node))
            found |= {
                COMMAND_FILES[start] for start in (words[:1], words) if start in COMMAND_FILES
            }
    # Its imports for type checkers are of everything.
    return {module for module in found - {SOURCE / "__init__.py"} if module.is_file()}


def home_of(name: str) -> Path:
    """Where a name of the interface is made."""
    home = marrowscope._HOME.get(name, "marrowscope").split(".")[1:]
    return SOURCE.joinpath(*home).with_suffix(".py")


def first_words(node: ast.AST) -> Iterator[str]:
    """The first two words of a call or a list, where they are written as such."""
    given: list[ast.expr] = []
    if isinstance(node, ast.Call):
        given = node.args
    elif isinstance(node, ast.List | ast.Tuple):
        given = node.elts
    for word in given[:2]:
        if not (isinstance(word, ast.Constant) and isinstance(word.value, str)):
            return
        yield word.value


def needs_a_test(path: Path) -> bool:
    """Whether functions compute something."""
    if path.name.startswith("_"):
        return False
    statements = 0
    for node in syntax(path):
        if isinstance(node, ast.FunctionDef):
            statements += sum(isinstance(inner, ast.stmt) for inner in ast.walk(node)) - 1
            statements -= ast.get_docstring(node) is not None
    return statements >= 3


@pytest.mark.parametrize(
    "path", [path for path in sorted(SOURCE.rglob("*.py")) if needs_a_test(path)],
    ids=lambda path: str(path.relative_to(SOURCE)),
)  # fmt: skip
def test_every_module_that_computes_has_a_test_of_its_name_or_is_named_here(path: Path) -> None:
    module = path.relative_to(SOURCE)
    own = TESTS / module.with_name(f"test_{module.name}")
    if own.is_file():
        assert str(module) not in TESTED_BY, "it has a test of its own: take it out of the list"
        return
    assert str(module) in TESTED_BY, f"write {own.relative_to(TESTS)}, hand-worked and quick"
    other = TESTS / TESTED_BY[str(module)]
    near = used_modules(other)
    for _ in range(2):
        near = near.union(*map(used_modules, near))
    assert path in near, f"{other.name} does not reach it in three steps"


def test_every_test_of_a_room_has_its_module() -> None:
    # Checks of the whole package lie at the top; real cells, tools and the review page, which is
    # JavaScript, have folders of their own.
    apart = (Path("real"), Path("tools"), Path("review/page"))
    tests = [path.relative_to(TESTS) for path in MODULES if path.name.startswith("test_")]
    rooms = [
        test for test in tests if len(test.parts) > 1 and not any(map(test.is_relative_to, apart))
    ]
    strays = [test for test in rooms if not (SOURCE / test.with_name(test.name[5:])).is_file()]
    assert strays == []


def test_the_list_of_modules_tested_by_others_holds_none_that_is_gone() -> None:
    assert [module for module in TESTED_BY if not (SOURCE / module).is_file()] == []
