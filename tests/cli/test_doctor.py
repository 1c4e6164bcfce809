"""What `cost --doctor` prints."""

import json

from torch import nn

from convatlas.analysis.doctor import DEFAULT, examine
from convatlas.cli._doctor import print_diagnosis


def test_findings_layers_and_advice_are_printed(capsys):
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1, 2), nn.Conv2d(8, 8, 1, 2))
    diagnosis = examine(net, (3, 32, 32))
    print_diagnosis(diagnosis)
    out = " ".join(capsys.readouterr().out.split())
    assert DEFAULT.name in out
    assert "pixels never read 93.8 %" in out  # of the first layer: 1 of 4 x 4 pixels is read
    assert "24 rows and 24 columns of 32x32" in out
    for finding in diagnosis.findings:
        assert finding.rule.advice[:40] in out
    assert "waits for" not in out
    print_diagnosis(diagnosis, all_layers=True)
    assert "waits for" in capsys.readouterr().out


def test_a_sound_net_gets_nothing_but_its_time(capsys):
    net = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.Conv2d(64, 64, 3, padding=1))
    print_diagnosis(examine(net, (3, 64, 64)))
    assert "no figure reaches its limit" in capsys.readouterr().out


def test_a_diagnosis_is_json():
    diagnosis = examine(nn.Conv2d(3, 8, 5, padding=2), (3, 4, 4))
    told = json.loads(json.dumps(diagnosis.as_dict(), allow_nan=False))
    assert told["seconds"] == diagnosis.seconds
    assert told["machine"]["efficiency"]["depthwise"] == dict(DEFAULT.efficiency)["depthwise"]
    (finding,) = told["findings"]
    assert finding["rule"]["kind"] == "dead padding"
    assert finding["layers"][0]["figure"] > finding["rule"]["limit"]
    assert len(told["layers"]) == 1
