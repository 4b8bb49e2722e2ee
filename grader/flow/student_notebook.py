"""The notebooks that students start from, one for each language, made of an assignment that is being written."""

from collections.abc import Mapping

from grader.authoring.template import make_template
from grader.flow.ports import LoadedAssignment
from grader.flow.prompts import render_prompt
from grader.notebook.locate import locate


def make_student_notebooks(
    loaded: LoadedAssignment, *, outputs: Mapping[str, Mapping[str, str]]
) -> Mapping[str, bytes]:
    """The reference without its solutions, and with the prompts; by file name.

    Args:
        loaded: the assignment.
        outputs: what the reference prints for the prompts' gaps, by question and expression.

    Raises:
        MarkerAlone: a region of the reference that is marked as a solution does not end.
    """
    assignment = loaded.assignment
    location = locate(loaded.reference, loaded.wanted)
    prompts = {
        question.question_id: render_prompt(question.prompt, outputs.get(question.question_id, {}))
        for question in assignment.questions
    }
    return {
        f"template.{language.value}.ipynb": make_template(
            loaded.reference,
            location=location,
            questions=assignment.questions,
            prompts={question_id: prompt.in_language(language) for question_id, prompt in prompts.items()},
            title=assignment.title.in_language(language),
            language=language,
        )
        for language in loaded.languages
    }
