"""chainrule explain: which files it writes, and what it refuses."""

import csv

import pytest

pytestmark = pytest.mark.usefixtures("folder")
QUICK = ("--epochs", "3", "--hidden", "8")


def test_explain_alone_writes_the_lectures_step(run, folder):
    output = run("explain")
    assert "Saved to step.html" in output
    assert "3-3" in output
    assert "<title>The lecture&#x27;s step</title>" in (folder / "step.html").read_text(encoding="utf-8")


def test_explain_a_trained_model_on_its_rows(run, refused, folder, penguins):
    run("train", "penguins.csv", "--target", "species", *QUICK)
    assert "4 rows" in run("explain", "model.safetensors", "penguins.csv", "-o", "page.html")
    html = (folder / "page.html").read_text(encoding="utf-8")
    assert "bill_length_mm" in html
    assert "Adelie" in html
    assert "2 rows" in run("explain", "model.safetensors", "penguins.csv", "--rows", 2)
    assert "sheet-solution.html" in run(
        "explain", "model.safetensors", "penguins.csv", "--worksheet", "-o", "sheet.html"
    )
    assert "expected data beside the model" in refused("explain", "model.safetensors")
    assert "--students" in refused("explain", "model.safetensors", "penguins.csv", "--students", "ids.csv")
    penguins.drop(columns="species").to_csv("unlabelled.csv", index=False)
    said = refused("explain", "model.safetensors", "unlabelled.csv")
    assert "unlabelled.csv: no column 'species' to compare with; name it with --target" in said
    penguins.rename(columns={"species": "kind"}).to_csv("kinds.csv", index=False)
    run("explain", "model.safetensors", "kinds.csv", "--target", "kind", "-o", "kinds.html")
    assert (folder / "kinds.html").read_text(encoding="utf-8") == html


def test_explain_the_numbers_of_an_exercise(run, refused, folder):
    (folder / "step.toml").write_text(run("explain", "--template").replace("The lecture's step", "Exercise 3"))
    assert "loss" in run("explain", "step.toml", "-o", "exercise.html")
    assert "Exercise 3" in (folder / "exercise.html").read_text(encoding="utf-8")
    (folder / "step.toml").write_text("inputs = [[1, 2]]\ntargets = [0]\nlayers = ['dense']\n")
    assert "W1: expected it" in refused("explain", "step.toml")
    assert "cannot read it" in refused("explain", "missing.toml")
    for words in (["--lr", 9], ["--lr", -1], ["--rows", 2], ["--target", "y"]):
        assert f"{words[0]}: an exercise has its own" in refused("explain", "exercise.toml", *words)
        assert f"{words[0]}: an exercise has its own" in refused("explain", *words)


def test_explain_writes_worksheets_and_one_variant_an_id(run, refused, folder):
    output = run("explain", "--worksheet", "-o", "sheet.html")
    assert "sheet-solution.html" in output
    (folder / "ids.csv").write_text("id,group\nanna,1\n<b>bob</b>,2\n")
    run("explain", "--students", "ids.csv", "-o", "class.html")
    rows = list(csv.DictReader((folder / "class-answers.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["id"] for row in rows} == {"anna", "<b>bob</b>"}
    sheets = (folder / "class.html").read_text(encoding="utf-8")
    assert sheets.count('<section class="sheet">') == 2
    assert "<b>bob" not in sheets
    (folder / "ids.csv").write_text("Matrikelnummer;mail\n4711;anna@uni.example\n4712;bob@uni.example\n")
    said = run("explain", "--students", "ids.csv", "-o", "class.html")
    assert "Sheets: 2, the first for 4711, the last for 4712." in said
    rows = list(csv.DictReader((folder / "class-answers.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["id"] for row in rows} == {"4711", "4712"}
    (folder / "ids.csv").write_text("anna\nanna\n")
    assert "'anna' 2 times" in refused("explain", "--students", "ids.csv")
