"""Names of all commands, in the order of work → where their code is, panel and line in the help.

Listing the commands imports none of them; a test compares every line with its docstring.
"""

from dataclasses import dataclass

SLIDES, DATA, MODELS = "Cells and slides", "Data", "Models"
JUDGE, STUDY, TOOLS = "Judge", "Study", "Tools"


@dataclass(frozen=True)
class Entry:
    """A command or a group of commands.

    Attributes:
        name: what the user types.
        target: ``module:function`` below ``marrowscope.cli``. Of a group: what its name did when it
            was a command, or "".
        summary: its line in the list of commands; first line of the function's docstring. A name
            without one is in no list.
        panel: heading under which it is listed.
        commands: what a group consists of.
        now: of a former name: the words that took its place.
        extra: without which it cannot do anything; asked for before it runs.
    """

    name: str
    target: str
    summary: str
    panel: str | None = None
    commands: "tuple[Entry, ...]" = ()
    now: str = ""
    extra: str = ""


MODEL_COMMANDS = (
    Entry("list", "model_list_command:list_models", "List the models that come with the package."),
    Entry(
        "convert",
        "model_convert_command:convert",
        "Add the graph to a bundle of an earlier version, so that it predicts without torch.",
    ),
    Entry(
        "quantize",
        "quantize_command:quantize",
        "Add an int8 graph to a model, for `predict --engine int8`.",
    ),
    Entry(
        "calibrate",
        "calibrate_command:calibrate",
        "Add a calibration to a model; `predict` and `count` use it from then on.",
    ),
    Entry(
        "adapt",
        "adapt_command:adapt",
        "Adapt a model to the cells of a laboratory; a few labels help, none are needed.",
        extra="train",
    ),
)

PHANTOM_COMMANDS = (
    Entry("cells", "phantom_command:cells", "Draw synthetic cells of all 21 classes."),
    Entry("fields", "phantom_command:fields", "Draw synthetic microscope fields."),
    Entry("slide", "phantom_command:slide", "Draw one synthetic slide."),
)

# The same without the name of its group, as it is often written; here to stay.
SHORT = (Entry("adapt", "adapt_command:adapt", "", extra="train"),)

# Kept for one release; they work as before and say their new name.
FORMER = (
    Entry("models", "model_list_command:list_models", "", now="model list"),
    Entry("quantize", "quantize_command:quantize", "", now="model quantize"),
    Entry("calibrate", "calibrate_command:calibrate", "", now="model calibrate"),
)

COMMANDS: tuple[Entry, ...] = (
    Entry(
        "predict",
        "predict_command:predict",
        "Classify cell images: one row per image, in the same order.",
        SLIDES,
    ),
    Entry(
        "detect",
        "detect_command:detect",
        "Find nucleated cells in fields or slides; `--crops` also cuts them out for `predict`.",
        SLIDES,
    ),
    Entry(
        "count",
        "count_command:count",
        "Count a smear: find the cells, classify them, report the differential count.",
        SLIDES,
    ),
    Entry(
        "review",
        "review_commands:review",
        "Check cells on a page in the browser: the machine proposes, a person decides.",
        SLIDES,
        extra="review",
    ),
    Entry(
        "server",
        "review_commands:server",
        "Serve the review page to a laboratory: many readers, roles, a worklist of slides.",
        SLIDES,
        extra="review",
    ),
    Entry(
        "audit",
        "review_commands:audit",
        "Check that a database of reviews holds what was done: nothing changed, nothing missing.",
        SLIDES,
        extra="review",
    ),
    Entry(
        "index",
        "index_command:index",
        "Find images and their labels; hash, measure and check every file.",
        DATA,
    ),
    Entry(
        "merge",
        "merge_command:merge",
        "Put cell tables of several laboratories below each other; repeated content counts once.",
        DATA,
    ),
    Entry(
        "check",
        "dataset_commands:check",
        "Count images per class beside the published counts; list bad files and what is missing.",
        DATA,
    ),
    Entry(
        "screen",
        "screen_command:screen",
        "Find images that show parts of the same field; keep one of each group.",
        DATA,
    ),
    Entry(
        "split",
        "dataset_commands:split",
        "Split by class, keeping patients (or slides) and identical images together.",
        DATA,
    ),
    Entry(
        "pack",
        "pack_command:pack",
        "Decode every image once into a store that training maps into memory.",
        DATA,
    ),
    Entry(
        "match-stain",
        "match_stain_command:match_stain",
        "Give images the stain and brightness of the training data, before `predict`.",
        DATA,
    ),
    Entry(
        "train",
        "train_command:train",
        "Train a network; the run folder gets a model bundle and held-out predictions.",
        MODELS,
    ),
    Entry(
        "crossval",
        "crossval_command:crossval",
        "Cross-validate a model: one training per fold, mean ± sd per class, one report.",
        MODELS,
    ),
    Entry(
        "pretrain",
        "pretrain_command:pretrain",
        "Learn from images without labels (VICReg), as a start for `train --weights`.",
        MODELS,
        extra="train",
    ),
    Entry(
        "model",
        "",
        "List, convert, quantize, calibrate and adapt models.",
        MODELS,
        MODEL_COMMANDS,
    ),
    Entry(
        "evaluate",
        "evaluate_command:evaluate",
        "Score predictions strictly and tolerantly, with intervals; write an HTML report.",
        JUDGE,
    ),
    Entry(
        "compare",
        "compare_command:compare",
        "Compare models on the same cells and folds: recall per class, and whether one is better.",
        JUDGE,
        extra="analysis",
    ),
    Entry(
        "noise",
        "noise_command:noise",
        "List labels that are probably wrong, with pictures, for a cytologist to correct.",
        JUDGE,
        extra="analysis",
    ),
    Entry(
        "explain",
        "explain_commands:explain",
        "Show what a network looks at: SmoothGrad and Grad-CAM, in the layout of the study.",
        JUDGE,
        extra="analysis",
    ),
    Entry(
        "embed",
        "explain_commands:embed",
        "Map cells by the features of a network: figure, interactive page and measures.",
        JUDGE,
        extra="analysis",
    ),
    Entry(
        "reproduce",
        "reproduce_command:reproduce",
        "Reproduce the study: every table and figure beside the published numbers, in one report.",
        STUDY,
        extra="train",
    ),
    Entry(
        "demo",
        "demo_command:demo",
        "Try the whole way in two minutes: cells, split, short training, report, count of a slide.",
        STUDY,
        extra="train",
    ),
    Entry(
        "phantom",
        "phantom_command:phantom",
        "Draw synthetic cells, fields or a slide, for trying things out.",
        STUDY,
        PHANTOM_COMMANDS,
    ),
    Entry(
        "doctor",
        "doctor_command:doctor",
        "Say what works on this machine, how fast it is, and what to type for what is missing.",
        TOOLS,
    ),
)
