import io

from pegasus_jax import progress


def test_progress_where_nobody_watches_is_a_few_lines():
    log = io.StringIO()
    for _ in progress.bar(range(1000), desc="capture", file=log):
        pass
    lines = log.getvalue().splitlines()
    assert len(lines) <= 2
    assert lines[-1].startswith("capture: 100% 1000/1000") and "frame/s" in lines[-1]
    assert "\r" not in log.getvalue()


def test_progress_continues_an_earlier_count():
    log = io.StringIO()
    bar = progress.bar(10, desc="train", unit="it", initial=4, file=log)
    bar.update(6)
    bar.set_postfix(loss=0.5, refresh=False)
    bar.close()
    assert "40% 4/10" in log.getvalue().splitlines()[0]
    assert "100% 10/10" in log.getvalue() and "loss=0.5" in log.getvalue()
