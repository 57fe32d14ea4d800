import io

from pegasus_jax import progress


def test_progress_where_nobody_watches_is_a_few_lines():
    log = io.StringIO()
    for _ in progress.bar(range(1000), desc="capture", file=log):
        pass
    lines = log.getvalue().splitlines()
    assert len(lines) <= 2
    assert lines[-1].startswith("capture: 100% 1000/1000")
    assert "\r" not in log.getvalue()


def test_progress_continues_an_earlier_count():
    log = io.StringIO()
    bar = progress.bar(10, desc="train", unit="it", initial=4, file=log)
    bar.update(6)
    bar.set_postfix(loss=0.5, refresh=False)
    bar.close()
    assert "40% 4/10" in log.getvalue().splitlines()[0]
    assert "100% 10/10" in log.getvalue() and "loss=0.5" in log.getvalue()


def test_nothing_is_estimated_from_what_compiles_first():
    log, now = io.StringIO(), [1000.0]
    bar = progress.bar(100, desc="training", initial=10, file=log)
    bar._time, bar.start_t, bar.mininterval = (lambda: now[0]), now[0], 0.0
    assert "<?" in str(bar)
    now[0] += 600.0  # compiling
    bar.update(4)
    assert "14/100 [10:00<?," in str(bar)
    for _ in range(6):
        now[0] += 2.0
        bar.update(1)
    assert "20/100 [10:12<02:40,  2.00s/ frame]" in str(bar), "80 more at two seconds each"
