import pytest

from grader.domain.text import Language
from grader.web.language import preferred_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        pytest.param(None, Language.JA, id="nothing asked"),
        pytest.param("", Language.JA, id="empty"),
        pytest.param("en", Language.EN, id="english"),
        pytest.param("en-GB,en;q=0.9,ja;q=0.8", Language.EN, id="a browser in Britain"),
        pytest.param("ja,en-US;q=0.9,en;q=0.8", Language.JA, id="a browser in Japan"),
        pytest.param("fr,en;q=0.5", Language.EN, id="the best of ours"),
        pytest.param("fr", Language.JA, id="none of ours"),
        pytest.param("ja;q=0.1,en;q=0.2", Language.EN, id="weights decide"),
        pytest.param("en;q=0,ja;q=0.5", Language.JA, id="zero is a refusal"),
        pytest.param("en;q=x", Language.JA, id="a broken weight is passed over"),
        pytest.param("EN-us", Language.EN, id="case does not matter"),
        pytest.param(",;q=;," * 1000 + "en", Language.JA, id="a long list of nonsense"),
    ],
)
def test_preferred_language(header, language):
    assert preferred_language(header) is language
