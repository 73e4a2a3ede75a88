"""How many pictures are rendered, and when."""

import time

import numpy as np
from live_pages import Lamp

from tfg.live.stream import BLOCK, HEADER, LEAD, MOST_LEAD, Stream, packet, pictures_wanted
from tfg.live.timeline import Timeline


def stream(packets):
    return Stream(Lamp(), Timeline(np.zeros(80, np.float32)), packets.append, 0.001)


def settled(packets):
    """Their number when no more come."""
    count = -1
    while count != len(packets):
        count = len(packets)
        time.sleep(0.3)
    return count


def test_a_fast_head_gets_every_picture():
    assert pictures_wanted(0.03, 4, is_first=False) == [0, 1, 2, 3]


def test_a_slow_head_gets_those_that_it_can_make_in_time_evenly_spread():
    assert pictures_wanted(0.07, 8, is_first=False) == [0, 2]
    assert pictures_wanted(0.12, 8, is_first=False) == [0]


def test_a_head_too_slow_for_what_the_page_still_has_gets_none():
    assert pictures_wanted(0.5, 8, is_first=False) == []


def test_a_page_that_has_nothing_yet_gets_pictures_however_slow_the_head_is():
    assert pictures_wanted(9.0, 0, is_first=True) == [0, 1, 2, 3]


def test_a_stream_waits_for_its_page():
    packets = []
    made = stream(packets)
    made.begin()
    assert settled(packets) <= LEAD
    made.show(7)
    assert LEAD < settled(packets) <= 8 + LEAD
    made.keep_ahead(10**9)
    assert settled(packets) <= 8 + MOST_LEAD
    assert [HEADER.unpack_from(one)[0] for one in packets] == list(range(len(packets)))
    made.close()
    made.join()
    assert made.renderer.frames == len(packets)


def test_a_page_cannot_have_shown_what_was_not_sent():
    packets = []
    made = stream(packets)
    made.show(10**9)
    made.begin()
    assert settled(packets) <= LEAD
    made.close()
    made.join()


def test_a_packet_of_silence_without_a_picture_is_its_header():
    assert len(packet(3, None, None)) == HEADER.size == 8
    assert len(packet(3, np.zeros(640, np.float32), b"jpeg")) == 8 + 1280 + 4
    assert BLOCK <= LEAD
